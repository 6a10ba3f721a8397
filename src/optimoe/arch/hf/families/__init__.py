"""The families of ``config.json``: each a composition of field tables.

``defaults`` is what the family's configuration class in ``transformers`` 5 takes for an absent field, given
only for fields that published configurations leave out; every other field that changes a count must be there.
"""

from dataclasses import replace

from optimoe.arch.hf.families.classic import CLASSIC
from optimoe.arch.hf.families.dense import DENSE
from optimoe.arch.hf.families.dense_apart import DENSE_APART
from optimoe.arch.hf.families.dense_today import DENSE_TODAY
from optimoe.arch.hf.families.ended import ENDED
from optimoe.arch.hf.families.ended.texts import TEXTS_APART
from optimoe.arch.hf.families.gemma import GEMMA
from optimoe.arch.hf.families.hybrid import HYBRID
from optimoe.arch.hf.families.latent import LATENT
from optimoe.arch.hf.families.latent.sharing import SHARING
from optimoe.arch.hf.families.looped import LOOPED
from optimoe.arch.hf.families.routed import ROUTED
from optimoe.arch.hf.families.routed.texts import ROUTED_TEXTS
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.mixers import Gqa
from optimoe.arch.hf.traits.families import TRAITS
from optimoe.core.errors import ConfigError
from optimoe.core.plugins import entry_point_names, load_entry_point

_DENSE = DENSE | DENSE_TODAY | DENSE_APART | GEMMA
FAMILIES = {
    name: replace(family, traits=TRAITS.get(name, family.traits))
    for name, family in (_DENSE | ROUTED | LATENT | HYBRID | CLASSIC | ENDED | LOOPED).items()
}
"""By ``model_type``: what a family is made of, and what its function needs beyond that."""

_GLM4_MOE, _GRANITE = FAMILIES["glm4_moe"], FAMILIES["granite"]
_STATED_HEADS = {name: value for name, value in _GRANITE.defaults.items() if name != "num_key_value_heads"}
TEXTS: dict[str, ConfigFamily] = (
    ROUTED_TEXTS
    | SHARING
    | TEXTS_APART
    | {
        "glm4v_moe_text": replace(_GLM4_MOE, defaults=_GLM4_MOE.defaults | {"attention_bias": True}),
        "glm4v_text": replace(FAMILIES["glm4"], attention=Gqa(qkv_bias="attention_bias")),
        "granite_docling_text": replace(_GRANITE, defaults=_STATED_HEADS),
        "hy_v4_vl_text": FAMILIES["hy_v4"],
        "hunyuan_vl_text": FAMILIES["hunyuan_v1_dense"],
        "paddleocr_vl_text": FAMILIES["ernie4_5"],
        "qwen2_5_omni_text": FAMILIES["qwen2"],
        "qwen2_5_vl_text": FAMILIES["qwen2"],
        "qwen2_vl_text": FAMILIES["qwen2"],
        "qwen3_vl_moe_text": FAMILIES["qwen3_moe"],
        "qwen3_vl_text": FAMILIES["qwen3"],
    }
)
"""Language models of several modalities that are one of these families under another name, or nearly."""


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
    if model_type in TEXTS or model_type in FAMILIES or model_type not in entry_point_names(GROUP):
        return TEXTS.get(model_type) or FAMILIES.get(model_type)
    family = load_entry_point(GROUP, model_type)
    if not isinstance(family, ConfigFamily):
        raise ConfigError(f"{GROUP}: {model_type} must be a ConfigFamily, got {type(family).__name__}")
    return family
