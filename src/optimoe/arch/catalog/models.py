"""Models by name, and where a MODEL on the command line is looked for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimoe.arch.catalog.shape import parse_shape, read_shape
from optimoe.arch.checkpoint.shards import ANY_WEIGHTS
from optimoe.arch.hf import from_config, load_config
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_facts, load_json, load_toml
from optimoe.core.errors import UnknownNameError, require

CONFIG_WORDS = frozenset(("model_type", "hidden_size", "num_hidden_layers", "architectures"))
"""Fields that a ``config.json`` has and a table of parts has not."""

MOST_NAME = 255
"""Characters of a file's name: what is longer is none, and a file system refuses to look for it."""


def model_names() -> tuple[str, ...]:
    """The names of the catalog."""
    return tuple(load_facts("optimoe.arch", "models.toml")["model"])


def find_model(model: str, as_family: str = "") -> ArchSpec:
    """A model by catalog name, by ``config.json`` or its folder, by a TOML or JSON file of parts, or by its shape.

    Args:
        model: Where to find it.
        as_family: The ``model_type`` as which a ``config.json`` of an unknown one is to be read; empty for none.

    Raises:
        UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
        ConfigError: The file is no usable ``config.json`` and states no parts, or the shape cannot be.
    """
    models = load_facts("optimoe.arch", "models.toml")["model"]
    if model.lower() in models:
        return _of_row(model.lower(), models[model.lower()])
    path = Path(model)
    there = len(path.name) <= MOST_NAME and path.exists()
    if "=" in model and not there:
        return parse_shape(model)
    if path.suffix == ".toml":
        content = load_toml(path)
        parts = states_parts(content) or not content
        if not parts:
            return from_config(content, path.stem, as_family=as_family)
        return read_shape(content, path.stem, str(path))
    if path.suffix == ".json" and states_parts(content := load_json(path)):
        return read_shape(content, path.stem, str(path))
    if there or path.suffix == ".json":
        return load_config(path, as_family)
    raise UnknownNameError("model", model, models)


def checkpoint_folder(model: str) -> Path | None:
    """The folder with weights that a model's name is, as :func:`find_model` reads it; none where it is another."""
    if model.lower() in load_facts("optimoe.arch", "models.toml")["model"] or len(Path(model).name) > MOST_NAME:
        return None
    folder = Path(model)
    return folder if folder.is_dir() and next(folder.glob(ANY_WEIGHTS), None) else None


def states_parts(content: Mapping[str, Any]) -> bool:
    """Whether a table states a model's parts by hand, and is no ``config.json``."""
    return bool(content) and not CONFIG_WORDS & set(content)


def find_config(model: str) -> dict[str, Any]:
    """The ``config.json`` of a model: its row's in the catalog, else that of a file or a folder.

    Raises:
        UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
        ConfigError: The row states a shape and no configuration, or the file cannot be read.
    """
    models = load_facts("optimoe.arch", "models.toml")["model"]
    if model.lower() in models:
        row = models[model.lower()]
        require("config" in row, "model", "one whose row of the catalog has a config", model)
        return dict(row["config"])
    path = Path(model)
    if not path.exists():
        raise UnknownNameError("model", model, models)
    return dict(load_json(path / "config.json" if path.is_dir() else path))


def _of_row(name: str, row: dict[str, Any]) -> ArchSpec:
    """The model of a row: by its makers' ``config``, or by the ``shape`` that a text states.

    What is computed with a shape no row says, so that it is ``unstated`` beside the row's own ``traits``.
    """
    stated = "config" in row
    where = f"models.toml: {name}"
    spec = from_config(row["config"], name=name) if stated else read_shape(row["shape"], name, where=where)
    traits = {*spec.traits, *row.get("traits", ()), *(() if stated else (FUNCTION_UNSTATED,))}
    return replace(spec, speculated=row.get("speculated", ""), traits=tuple(sorted(traits)))
