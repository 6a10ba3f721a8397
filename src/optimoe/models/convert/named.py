"""A model by name or by its files: its architecture, and the configuration with which that is its function."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from optimoe.arch.catalog.models import find_config, find_model
from optimoe.arch.hf import from_config
from optimoe.arch.hf.traits.readers import UNSTATED
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, require
from optimoe.models.config import ModelConfig
from optimoe.models.convert.hf_config import read_fields


def read_model(model: str | Path, **fields: Any) -> tuple[ArchSpec, ModelConfig]:
    """The architecture and the configuration of a model, for :func:`~optimoe.models.decoder.build`.

    Layers that predict later tokens are left out, as :func:`~optimoe.models.convert.hf.load_hf` does.

    Args:
        model: A name of the catalog, a ``config.json`` or its folder.
        fields: Fields of ``config.json`` in place of the stated ones, such as those that a row lacks.

    Raises:
        UnknownNameError: No such model or family.
        ConfigError: A field is missing or asks for what is not built here, or the family is not converted.
    """
    stated = find_config(str(model)) | fields
    named = find_model(str(model))
    for field in (trait.partition("=")[0] for trait in named.traits if trait.endswith(f"={UNSTATED}")):
        require(field in stated, f"{model}: {field}", "given: it is not stated here", None)
    try:
        config = read_fields(stated, str(stated.get("model_type")))
    except ConfigError as error:
        raise ConfigError(f"{model}: {error}") from None
    return replace(from_config(stated, name=named.name), num_mtp_layers=0), config
