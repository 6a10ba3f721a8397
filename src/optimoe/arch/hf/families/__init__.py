"""The families of ``config.json``: each a composition of field tables.

``defaults`` is what the family's configuration class in ``transformers`` 5 takes for an absent field, given
only for fields that published configurations leave out; every other field that changes a count must be there.
"""

from dataclasses import replace

from optimoe.arch.hf.families.dense import DENSE
from optimoe.arch.hf.families.dense_today import DENSE_TODAY
from optimoe.arch.hf.families.hybrid import HYBRID
from optimoe.arch.hf.families.latent import LATENT
from optimoe.arch.hf.families.routed import ROUTED
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.traits.families import TRAITS
from optimoe.core.errors import ConfigError
from optimoe.core.plugins import entry_point_names, load_entry_point

FAMILIES = {
    name: replace(family, traits=TRAITS.get(name, family.traits))
    for name, family in (DENSE | DENSE_TODAY | ROUTED | LATENT | HYBRID).items()
}
"""By ``model_type``: what a family is made of, and what its function needs beyond that."""

TEXT_PARTS = {
    "kimi_k25": "kimi_k2",
    "mistral3": "mistral",
    "llama4": "llama4_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
    "qwen3_vl": "qwen3",
    "qwen3_vl_moe": "qwen3_moe",
    "gemma3": "gemma3_text",
}
"""Models of several modalities, and what their ``text_config`` is where it does not say."""


GROUP = "optimoe.families"
"""The group of entry points under which installed packages state families, each by its ``model_type``."""


def family_names() -> tuple[str, ...]:
    """Every ``model_type`` that is known: the built-in families first, then those of installed packages."""
    return (*FAMILIES, *(name for name in entry_point_names(GROUP) if name not in FAMILIES))


def find_family(model_type: str) -> ConfigFamily | None:
    """The family of a ``model_type``: a built-in one, else one that an installed package states; or none.

    Raises:
        ConfigError: A package states it but cannot be loaded, or states something else than a family.
    """
    if model_type in FAMILIES or model_type not in entry_point_names(GROUP):
        return FAMILIES.get(model_type)
    family = load_entry_point(GROUP, model_type)
    if not isinstance(family, ConfigFamily):
        raise ConfigError(f"{GROUP}: {model_type} must be a ConfigFamily, got {type(family).__name__}")
    return family
