"""An architecture into the ``config.json`` of a family that can express it."""

from typing import Any

from optimoe.arch.hf.families import FAMILIES, Family
from optimoe.arch.hf.ffns import written_pattern
from optimoe.arch.hf.layers import written_kinds
from optimoe.arch.hf.read import from_config
from optimoe.arch.parts import DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, OptimoeError, UnknownNameError


def to_config(arch: ArchSpec, model_type: str = "") -> dict[str, Any]:
    """The ``config.json`` of an architecture.

    Args:
        arch: What to write.
        model_type: The family; left out, the first that expresses the architecture exactly.

    Raises:
        UnknownNameError: No such family.
        ConfigError: No family (or not this one) can express it: reading back what it writes differs.
    """
    if model_type and model_type not in FAMILIES:
        raise UnknownNameError("model_type", model_type, FAMILIES)
    for name in (model_type,) if model_type else FAMILIES:
        config = _written(FAMILIES[name], name, arch)
        if config is not None:
            return config
    tried = model_type or "any known family"
    raise ConfigError(f"config.json: {arch.name} has parts that {tried} cannot express")


def _written(family: Family, model_type: str, arch: ArchSpec) -> dict[str, Any] | None:
    """What the family writes, if it reads back as the same architecture."""
    try:
        config = _nested(_fields(family, arch))
        config = {"architectures": [family.architecture], "model_type": model_type} | config
        return config if from_config(config, arch.name) == arch else None
    except OptimoeError:
        return None


def _fields(family: Family, arch: ArchSpec) -> dict[str, Any]:
    layers = [group for group in arch.layers for _ in range(group.num_layers)]
    mixers = [layer.mixer for layer in layers]
    config: dict[str, Any] = {
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.d_model,
        "num_hidden_layers": len(layers),
        "tie_word_embeddings": arch.tied_embeddings,
        **family.fixed,
    }
    attention: Any = next((mixer for mixer in mixers if isinstance(mixer, family.attention.part)), None)
    if attention is not None:
        config |= family.attention.write(attention)
    if family.linear is not None:
        linear: Any = next((mixer for mixer in mixers if isinstance(mixer, family.linear.part)), None)
        config |= family.linear.write(linear, arch.d_model) if linear is not None else {}
    config |= written_kinds(family.kinds, mixers)
    dense = next((layer.ffn for layer in layers if isinstance(layer.ffn, DenseFFN)), None)
    if dense is not None:
        config |= family.dense.write(dense)
    moe = next((layer.ffn for layer in layers if isinstance(layer.ffn, MoE)), None)
    if moe is not None and family.routed is not None:
        config |= family.routed.write(moe)
    config |= written_pattern(family.pattern, [isinstance(layer.ffn, MoE) for layer in layers])
    if family.residual:
        config[family.residual] = any(layer.residual for layer in layers)
    if family.mtp:
        config[family.mtp] = arch.num_mtp_layers
    if family.unembedding_bias:
        config[family.unembedding_bias] = arch.unembedding_bias
    return config


def _nested(config: dict[str, Any]) -> dict[str, Any]:
    """Dotted names as nested objects."""
    nested: dict[str, Any] = {}
    for name, value in config.items():
        outer, dot, inner = name.partition(".")
        if dot:
            nested.setdefault(outer, {})[inner] = value
        else:
            nested[name] = value
    return nested
