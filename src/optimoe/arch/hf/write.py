"""An architecture into the ``config.json`` of a family that can express it."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from optimoe.arch.hf.families import family_names, find_family
from optimoe.arch.hf.family import ConfigFamily, no_rows
from optimoe.arch.hf.ffns import written_pattern
from optimoe.arch.hf.layers import NormRule, StatedKinds, written_kinds
from optimoe.arch.hf.mixers import window_of
from optimoe.arch.hf.own import OWN, own_config
from optimoe.arch.hf.read import from_config
from optimoe.arch.parts import DenseFFN, MoE, NoFeedForward, NoMixer
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError, OptimoeError, UnknownNameError


def to_config(arch: ArchSpec, model_type: str = "", or_own: bool = False) -> dict[str, Any]:
    """The ``config.json`` of an architecture: its shape, in bf16.

    Args:
        arch: What to write.
        model_type: The family; left out, the first that expresses the architecture exactly; ``optimoe`` for the
            plain values of :mod:`optimoe.arch.hf.own`, which express every architecture, formats in.
        or_own: Whether these are written where no family expresses the architecture.

    Raises:
        UnknownNameError: No such family.
        ConfigError: No family (or not this one) can express it: reading back what it writes differs.
    """
    if model_type == OWN:
        return own_config(arch)
    if model_type:
        return _written(model_type, arch)
    for name in family_names():
        try:
            return _written(name, arch)
        except OptimoeError:
            continue
    if or_own:
        return own_config(arch)
    raise ConfigError(f"config.json: {arch.name} has parts that any known family cannot express")


def _written(model_type: str, arch: ArchSpec) -> dict[str, Any]:
    """What the family writes.

    Raises:
        UnknownNameError: No such family.
        ConfigError: It does not read back as the same architecture; the message names the first difference.
    """
    family = find_family(model_type)
    if family is None:
        raise UnknownNameError("model_type", model_type, family_names())
    config = {"architectures": [family.architecture], "model_type": model_type}
    try:
        config |= _nested(_fields(family, arch))
        back = from_config(config, arch.name)
    except OptimoeError as error:
        raise ConfigError(
            f"config.json: {arch.name} has parts that {model_type} cannot express ({error})"
        ) from None
    if back != arch.in_bf16:
        where = _difference(arch.in_bf16, back)
        raise ConfigError(f"config.json: {arch.name} has parts that {model_type} cannot express ({where})")
    return config


def _difference(arch: ArchSpec, other: ArchSpec) -> str:
    """Where two architectures first differ: the field, and what each has there."""
    for field in fields(arch):
        ours, theirs = getattr(arch, field.name), getattr(other, field.name)
        if field.compare and field.name != "layers" and ours != theirs:
            return f"{field.name} {ours}, not {theirs}"
    for layer, (ours, theirs) in enumerate(zip(_single(arch), _single(other), strict=False)):
        if ours != theirs:
            return f"layer {layer}: {_first(ours, theirs)}"
    return f"{arch.num_layers} layers, not {other.num_layers}"


def _require_known_parts(family: ConfigFamily, layers: list[LayerGroup]) -> None:
    """Refuse parts that a family has no fields for.

    Raises:
        ConfigError: There is one; the message names the layer and the part.
    """
    parts = family.stack.parts if family.stack else (DenseFFN, NoFeedForward, NoMixer, family.attention.part)
    known: list[type] = list(parts)
    known += [MoE] if family.routed else []
    known += [family.linear.part] if family.linear else []
    for layer, group in enumerate(layers):
        for part in (group.mixer, group.ffn):
            if not isinstance(part, tuple(known)):
                raise ConfigError(f"layer {layer}: {type(part).__name__}")


def _single(arch: ArchSpec) -> list[LayerGroup]:
    return [replace(group, num_layers=1) for group in arch.layers for _ in range(group.num_layers)]


def _first(ours: Any, theirs: Any) -> str:
    """The first field in which two parts differ."""
    if type(ours) is not type(theirs):
        return f"{type(ours).__name__}, not {type(theirs).__name__}"
    for field in fields(ours):
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if one != other:
            inner = is_dataclass(one) or is_dataclass(other)
            return f"{field.name} {_first(one, other) if inner else f'{one}, not {other}'}"
    return "equal"


def _fields(family: ConfigFamily, arch: ArchSpec) -> dict[str, Any]:
    layers = _single(arch)
    _require_known_parts(family, layers)
    config: dict[str, Any] = {
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.d_model,
        "num_hidden_layers": len(layers),
        "tie_word_embeddings": arch.tied_embeddings,
        **family.fixed,
    }
    config |= family.stack.write(layers) if family.stack else _by_kind(family, layers, arch.d_model)
    if family.logits:
        config[family.logits] = arch.logits
    if family.mtp:
        config[family.mtp] = arch.num_mtp_layers
    if isinstance(family.unembedding_bias, str):
        config[family.unembedding_bias] = arch.unembedding_bias
    if isinstance(family.num_end_norms, NormRule):
        config |= family.num_end_norms.write(arch.num_end_norms)
    if family.positions:
        config[family.positions] = arch.num_positions - family.extra_positions
    if family.norm_bias:
        config[family.norm_bias] = arch.norm == "layernorm"
    config |= family.ends.write(arch)
    if family.part:
        beside = {name: config.pop(name) for name in family.outside if name in config}
        config = {family.part: config} | beside
    return config


def _by_kind(family: ConfigFamily, layers: list[LayerGroup], d_model: int) -> dict[str, Any]:
    """What a family's tables of mixers and feed-forwards write."""
    config: dict[str, Any] = {}
    mixers = [layer.mixer for layer in layers]
    softmax: dict[int, Any] = {}
    for mixer in mixers:
        if isinstance(mixer, family.attention.part):
            softmax.setdefault(window_of(mixer), mixer)
    for attention in reversed(softmax.values()):  # layers with a window may have fields of their own
        config |= family.attention.write(attention)
    if family.linear is not None:
        linear: Any = next((mixer for mixer in mixers if isinstance(mixer, family.linear.part)), None)
        config |= family.linear.write(linear, d_model) if linear is not None else {}
    if isinstance(family.kinds, StatedKinds):
        config |= family.kinds.written(layers)
    else:
        config |= written_kinds(family.kinds, mixers)
    if "use_sliding_window" in family.defaults:  # without it transformers ignores the window
        config["use_sliding_window"] = config["sliding_window"] is not None
    dense = next((layer.ffn for layer in layers if isinstance(layer.ffn, DenseFFN)), None)
    if dense is not None:
        config |= family.dense.written(dense, d_model)
    moe = next((layer.ffn for layer in layers if isinstance(layer.ffn, MoE)), None)
    if moe is not None and family.routed is not None:
        config |= family.routed.write(moe)
    config |= written_pattern(family.pattern, [isinstance(layer.ffn, MoE) for layer in layers])
    config |= _by_layer(family, layers) | _rows(family, layers, config)
    if family.residual:
        config[family.residual] = any(layer.residual for layer in layers)
    if family.gate_rank:
        ranks = (part.d_ff for part in layers[0].beside if isinstance(part, DenseFFN))
        config[family.gate_rank] = next(ranks, 0)
    if family.streams:
        config |= family.streams.write(layers[0].streams)
    if isinstance(family.num_norms, NormRule):
        config |= family.num_norms.write(layers[0].num_norms)
    return config


def _rows(family: ConfigFamily, layers: list[LayerGroup], config: dict[str, Any]) -> dict[str, Any]:
    """What single layers have of their own, where the family has rows for that."""
    if family.rows is no_rows:
        return {}
    attention: Any = family.attention
    rows: dict[str, Any] = {}
    for layer, group in enumerate(layers):
        own = {name: value for name, value in attention.write(group.mixer).items() if config.get(name) != value}
        rows |= {str(layer): own} if own else {}
    return {"per_layer_config": rows}


def _by_layer(family: ConfigFamily, layers: list[LayerGroup]) -> dict[str, list[Any]]:
    """The fields whose values differ from layer to layer, as lists."""
    own: list[dict[str, Any]] = []
    attention: Any = family.attention
    for layer in layers if family.by_layer else []:
        written = attention.write(layer.mixer) if isinstance(layer.mixer, attention.part) else {}
        written |= family.routed.write(layer.ffn) if family.routed and isinstance(layer.ffn, MoE) else {}
        own.append(written)
    lists = {name: [written.get(field) for written in own] for name, field in family.by_layer.items()}
    return {name: values for name, values in lists.items() if len(set(values)) > 1}


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
