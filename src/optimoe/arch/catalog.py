"""Models by name, and where a MODEL on the command line is looked for."""

from pathlib import Path

from optimoe.arch.hf import from_config, load_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_facts
from optimoe.core.errors import UnknownNameError


def model_names() -> tuple[str, ...]:
    """The names of the catalog."""
    return tuple(load_facts("optimoe.arch", "models.toml")["model"])


def find_model(model: str) -> ArchSpec:
    """A model by catalog name, by ``config.json``, or by the folder that holds one.

    Raises:
        UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
        ConfigError: The file is no usable ``config.json``.
    """
    models = load_facts("optimoe.arch", "models.toml")["model"]
    if model.lower() in models:
        return from_config(models[model.lower()]["config"], name=model.lower())
    path = Path(model)
    if path.exists() or path.suffix == ".json":
        return load_config(path)
    raise UnknownNameError("model", model, models)
