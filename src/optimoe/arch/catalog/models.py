"""Models by name, and where a MODEL on the command line is looked for."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from optimoe.arch.catalog.shape import parse_shape, read_shape
from optimoe.arch.checkpoint.shards import ANY_WEIGHTS
from optimoe.arch.hf import from_config, load_config
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import load_facts, load_json, load_toml
from optimoe.core.errors import AmbiguousNameError, ConfigError, find_name, require, same_names

CONFIG_WORDS = frozenset(("model_type", "hidden_size", "num_hidden_layers", "architectures"))
"""Fields that a ``config.json`` has and a table of parts has not."""

GGUF = ".gguf"
"""Files of which ``optimoe arch`` tells what they hold."""
MOST_NAME = 255
"""Characters of a file's name: what is longer is none, and a file system refuses to look for it."""


def model_names() -> tuple[str, ...]:
    """The names of the catalog."""
    return tuple(load_facts("optimoe.arch", "models.toml")["model"])


NO_SHAPE = frozenset(("base", "chat", "hf", "instruct", "it", "meta"))
"""Words of a checkpoint's name that say how it was trained on or is stored, and nothing of its shape."""
_REPOSITORY = re.compile(r"[\w.-]+/([\w.-]+), config\.json")


def catalog_name(model: str) -> str:
    """The name of the catalog's row that a model's name as people write it stands for.

    With an organisation before it or without, in any spelling of :func:`~optimoe.core.errors.same_names`; by its
    makers' name too, where that is another; and with or without the words of :data:`NO_SHAPE`.

    Raises:
        AmbiguousNameError: Several rows are called so; lists them.
        UnknownNameError: No row is; lists the nearest.
    """
    models = load_facts("optimoe.arch", "models.toml")["model"]
    if model in models:
        return model
    name, aliases = model.strip().rstrip("/").rpartition("/")[2], _makers_names()
    found = same_names(name, models, aliases)
    if not found:
        plain = {_plain(one): aliases.get(one, one) for one in (*aliases, *models)}
        found = sorted({plain[one] for one in same_names(_plain(name), plain)})
    if len(found) > 1:
        raise AmbiguousNameError("model", model, found)
    return found[0] if found else find_name("model", model, models)


@cache
def _makers_names() -> dict[str, str]:
    """The rows of the catalog by what their makers call the repository of the configuration."""
    models = load_facts("optimoe.arch", "models.toml")["model"]
    found = {name: _REPOSITORY.match(row["source"]) for name, row in models.items()}
    return {match[1]: name for name, match in found.items() if match and match[1] not in models}


def _plain(name: str) -> str:
    """A name without its words that say nothing of a shape."""
    return "-".join(word for word in re.split(r"[\s_-]+", name.lower()) if word not in NO_SHAPE)


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
    if there and path.suffix == GGUF:
        raise ConfigError(f"{path}: a GGUF file does not state a model's whole shape: name its config.json")
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
    name = catalog_name(model)
    return _of_row(name, models[name])


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
    path = Path(model)
    if model.lower() not in models and path.exists():
        return dict(load_json(path / "config.json" if path.is_dir() else path))
    row = models[model.lower() if model.lower() in models else catalog_name(model)]
    require("config" in row, "model", "one whose row of the catalog has a config", model)
    return dict(row["config"])


def _of_row(name: str, row: dict[str, Any]) -> ArchSpec:
    """The model of a row: by its makers' ``config``, or by the ``shape`` that a text states.

    What is computed with a shape no row says, so that it is ``unstated`` beside the row's own ``traits``.
    """
    stated = "config" in row
    where = f"models.toml: {name}"
    spec = from_config(row["config"], name=name) if stated else read_shape(row["shape"], name, where=where)
    traits = {*spec.traits, *row.get("traits", ()), *(() if stated else (FUNCTION_UNSTATED,))}
    return replace(spec, speculated=row.get("speculated", ""), traits=tuple(sorted(traits)))
