"""A ``config.json`` into an architecture."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from optimoe.arch.hf.families import family_names, find_family
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config, Fields, read_flag, rope_kind, stated_rope
from optimoe.arch.hf.layers import BLOCKS, CHUNKED, LINEAR, NOTHING, read_norms, window
from optimoe.arch.hf.own import OWN, read_own
from optimoe.arch.hf.quantization import quantised, without_config
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED, always
from optimoe.arch.hf.types.asked import require_understood
from optimoe.arch.hf.types.unknown import require_decoder, unknown_type
from optimoe.arch.hf.types.wrappers import Wrapper, inner_part, left_out, within, wrappers
from optimoe.arch.params import count_params, count_read_again
from optimoe.arch.parts import DenseFFN, FeedForward, Mixer, MoE, NoFeedForward, NoMixer
from optimoe.arch.spec import ArchSpec, LayerGroup, Norm, grouped
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, UnknownNameError, require, shown
from optimoe.core.units import format_count

QUANT_CONFIG = "hf_quant_config.json"
"""Where modelopt states formats beside a ``config.json``."""
LONGEST_STRETCH = 100_000
"""Times that positions may be stretched."""


def load_config(path: Path, as_family: str = "") -> ArchSpec:
    """Read a ``config.json``, or the one in a folder, with ``hf_quant_config.json`` where one is beside it.

    Args:
        path: The file or the folder.
        as_family: As of :func:`from_config`.

    Raises:
        ConfigError: It cannot be read, or a field is missing, of the wrong type or out of limits.
        UnknownNameError: A ``model_type`` that is not known.
    """
    path = path / "config.json" if path.is_dir() else path
    in_folder = path.name == "config.json"
    beside = path.with_name(QUANT_CONFIG)
    return from_config(
        load_json(path),
        name=path.resolve().parent.name if in_folder else path.stem,
        quantization=load_json(beside) if in_folder and beside.exists() else None,
        as_family=as_family,
    )


def from_config(config: Config, name: str, quantization: Config | None = None, as_family: str = "") -> ArchSpec:
    """The language model that a ``config.json`` describes, in the formats that its ``quantization_config`` states.

    Of a model of several modalities, the language model alone, which the result's ``note`` says; of ``model_type``
    ``optimoe``, the plain values of :mod:`optimoe.arch.hf.own`. A ``model_type`` that is not known is read as
    another only where the caller says so, and then nothing is taken for granted
    (:func:`~optimoe.arch.hf.types.asked.require_understood`).

    Args:
        config: The fields.
        name: What to call the model.
        quantization: What ``hf_quant_config.json`` says, where the fields state no formats.
        as_family: The known ``model_type`` as which one that is not known is to be read; empty for none.

    Raises:
        ConfigError: A field is missing, of the wrong type or out of limits, the type is no causal language
            model's, or ``as_family`` is given for a type that is known.
        UnknownNameError: A ``model_type`` that is not known; names the family that is meant.
    """
    model_type = (
        Fields(config, {}).text("model_type") if not as_family else str(config.get("model_type", "nothing"))
    )
    if model_type == OWN:
        return read_own(config, name)
    wrapper, known = wrappers().get(model_type), find_family(model_type)
    if wrapper is not None and (known is None or wrapper.part in config):
        inner = wrapper.inner(config, model_type, find_family)
        return _inside(config, inner, wrapper.part, model_type, (name, quantization, as_family))
    if known is None:
        require_decoder(config, model_type)
    require(known is None or not as_family, "as", f"left out: {model_type} is known", as_family)
    if as_family:
        return _asked(config, model_type, name, quantization, as_family)
    if known is None:
        raise unknown_type(config, model_type, _all_families(), lambda family: _fields_read(family, config))
    return _made(known, known.fields(config), config, name, quantization, model_type)


def _made(
    family: ConfigFamily, fields: Fields, config: Config, name: str, quantization: Config | None, model_type: str
) -> ArchSpec:
    """The model of a family, with its traits and its formats."""
    for field, value in family.only.items():
        stated = fields.stated(field, value)
        listed = stated if isinstance(stated, list) and stated and family.by_layer else [stated]
        require(all(one == value for one in listed), field, f"{value} for {model_type}", stated)
    for field, other in family.same.items():
        value = fields.value(other)
        stated = fields.stated(field, value)
        require(stated == value, field, f"{other} = {value} for {model_type}", stated)
    arch = _read(family, fields, name)
    notes = (family.remark, _uncounted(family, fields), active_range(arch), passed_again(arch))
    note = "; ".join(filter(None, notes))
    arch = replace(arch, max_context=max_context(config), note=note)
    arch = replace(arch, traits=tuple(sorted({trait for read in family.traits for trait in read(fields, arch)})))
    formats = config.get("quantization_config")
    if isinstance(formats, Mapping):
        formats = {name: config[name] for name in ("expert_dtype",) if name in config} | dict(formats)
        return quantised(arch, formats, "quantization_config")
    return quantised(arch, quantization, QUANT_CONFIG) if quantization is not None else without_config(arch)


def _uncounted(family: ConfigFamily, fields: Fields) -> str:
    """What layers a configuration counts that no count here holds."""
    return "; ".join(f"without {words}" for field, words in family.uncounted.items() if fields.value(field))


def active_range(arch: ArchSpec) -> str:
    """Between what active parameters lie where some choices of the router have no weights; empty elsewhere."""
    moe = arch.moe
    if moe is None or moe.num_zero_experts == 0:
        return ""
    even, choices = count_params(arch), moe.num_experts + moe.num_zero_experts
    least = even.active - even.routed_experts_active
    most = least + even.routed_experts * moe.top_k // moe.num_experts
    between = f"{format_count(least)} to {format_count(most)}, as {moe.num_zero_experts} of {choices} choices"
    return f"active parameters of a token are {between} have no weights; counted at even routing"


def passed_again(arch: ArchSpec) -> str:
    """How many layers read weights that others store, and what a token passes in all; empty where none do."""
    again = sum(group.num_layers for group in arch.layers if group.reused)
    if not again:
        return ""
    passed = format_count(count_params(arch).active + count_read_again(arch, active=True))
    return (
        f"{again} of {arch.num_layers} layers read weights that others store: a token passes {passed} parameters"
    )


def _inside(
    config: Config, inner: Config, part: str, model_type: str, how: tuple[str, Config | None, str]
) -> ArchSpec:
    """The language model in a table of another model, with a note of what is left out."""
    name, quantization, as_family = how
    try:
        arch = from_config(inner, name, quantization, as_family)
    except UnknownNameError as error:
        error.args = (within(part, error),)
        raise
    except ConfigError as error:
        raise ConfigError(within(part, error)) from None
    return replace(arch, note="; ".join(filter(None, (left_out(config, model_type), arch.note))))


def _asked(config: Config, model_type: str, name: str, quantization: Config | None, as_family: str) -> ArchSpec:
    """A model of an unknown type as the family that its user names; a table inside as what it says that it is."""
    family = find_family(as_family)
    if family is None:
        raise UnknownNameError("as", as_family, family_names())
    part, inner_type = inner_part(config)
    if part:
        known = find_family(inner_type)
        require(known in (None, family), "as", f"{inner_type}, which {part} is", as_family)
        inner = Wrapper(text=inner_type, part=part, tie="agree").inner(config, model_type, find_family)
        how = (name, quantization, as_family if known is None else "")
        return _inside(config, inner, part, model_type, how)
    fields = family.fields(config)
    family = replace(family, traits=(*family.traits, always(FUNCTION_UNSTATED)))
    arch = _made(family, fields, config, name, quantization, as_family)
    require_understood(config, fields, family, model_type, as_family)
    notes = (f"{shown(model_type, 40)} read as {as_family}, as asked", arch.note)
    return replace(arch, note="; ".join(filter(None, notes)))


def fields_read(config: Config) -> set[str]:
    """The fields from which the counts of a configuration follow; of a wrapper those of its language model.

    Raises:
        InputError: It is not known, or cannot be read.
    """
    model_type = Fields(config, {}).text("model_type")
    wrapper, family = wrappers().get(model_type), find_family(model_type)
    if wrapper is not None and (family is None or wrapper.part in config):
        return fields_read(wrapper.inner(config, model_type, find_family))
    if family is None:
        raise UnknownNameError("model_type", model_type, family_names())
    return _fields_read(family, config)


def _fields_read(family: ConfigFamily, config: Config) -> set[str]:
    """The fields that a family asks a configuration for."""
    fields = family.fields(config)
    _read(family, fields, "")
    return fields.asked


def _all_families() -> dict[str, ConfigFamily]:
    found = {name: find_family(name) for name in family_names()}
    return {name: family for name, family in found.items() if family is not None}


_POSITIONS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
    "context_length",
)


def max_context(config: Config) -> int:
    """Tokens of the longest sequence that a configuration is made for; 0 where it does not say.

    The field of positions; with RoPE stretched by YaRN its original positions times the factor, by ``linear`` or
    ``dynamic`` scaling those of the field times the factor (as vLLM derives its limit, vllm/config/model.py).
    """
    stated = next((config[name] for name in _POSITIONS if isinstance(config.get(name), int)), 0)
    rope = stated_rope(config.get)
    if not isinstance(rope, Mapping) or not isinstance(rope.get("factor"), int | float):
        return int(stated)
    kind, factor = rope_kind(rope), rope["factor"]
    require(0 <= factor <= LONGEST_STRETCH, "rope factor", f"at most {LONGEST_STRETCH}", factor)
    if kind == "yarn":
        original = rope.get("original_max_position_embeddings")
        return max(int(stated), int(original * factor)) if isinstance(original, int) else int(stated)
    return int(stated * factor) if kind in ("linear", "dynamic") else int(stated)


def _read(family: ConfigFamily, fields: Fields, name: str) -> ArchSpec:
    d_model = fields.count("hidden_size", "d_model")
    layers = family.stack.read(fields, d_model) if family.stack else _layers(family, fields, d_model)
    positions = fields.count(family.positions) + family.extra_positions if family.positions else 0
    return ArchSpec(
        name=name,
        vocab_size=fields.count("vocab_size"),
        d_model=d_model,
        layers=grouped(layers),
        num_logits=fields.count(family.logits) if family.logits else 0,
        tied_embeddings=fields.flag("tie_word_embeddings") and not family.never_tied,
        unembedding_bias=read_flag(fields, family.unembedding_bias),
        norm=_norm(family, fields),
        num_end_norms=read_norms(fields, family.num_end_norms),
        num_end_scales=read_norms(fields, family.num_end_scales),
        num_positions=positions,
        num_mtp_layers=fields.count(family.mtp, zero=True) if family.mtp and fields.has(family.mtp) else 0,
        **family.ends.read(fields, d_model),
    )


def _norm(family: ConfigFamily, fields: Fields) -> Norm:
    """The kind of the norms: that of the family, or what a field says of their biases."""
    if not family.norm_bias:
        return family.norm
    return "layernorm" if fields.flag(family.norm_bias) else "layernorm_no_bias"


def _layers(family: ConfigFamily, fields: Fields, d_model: int) -> list[LayerGroup]:
    """Every layer by itself: a mixer by its kind, and a feed-forward that routes or does not."""
    num_layers = family.depth(fields)
    routed = family.pattern(fields, num_layers)
    kinds = family.kinds(fields, num_layers)
    own = fields.of_layers(family.by_layer, num_layers)
    rows = family.rows(fields, kinds)
    own = [of_layer.over(rows[layer]) if layer in rows else of_layer for layer, of_layer in enumerate(own)]

    @cache
    def ffn(routes: bool | None, of_layer: Fields) -> FeedForward:
        if routes is None:
            return NoFeedForward()
        return family.routed.read(of_layer) if routes and family.routed else family.dense.read(of_layer, d_model)

    @cache
    def mixer(kind: str, of_layer: Fields) -> Mixer:
        return _mixer(family, of_layer, kind, d_model)

    residual = bool(family.residual) and fields.flag(family.residual)
    num_norms = read_norms(fields, family.num_norms)
    streams = family.streams.read(fields) if family.streams else None
    gate = DenseFFN(d_ff=fields.count(family.gate_rank), gated=False) if family.gate_rank else None
    layers = [
        LayerGroup(
            num_layers=1,
            mixer=mixer(kind, of_layer),
            ffn=ffn(routes, of_layer),
            residual=DenseFFN(d_ff=d_model) if residual and routes else None,
            beside=(gate,) * (1 + bool(routes)) if gate else (),
            num_norms=_num_norms(family, num_norms, mixer(kind, of_layer), ffn(routes, of_layer), residual),
            num_scales=family.num_scales,
            streams=streams,
        )
        for kind, routes, of_layer in zip(kinds, routed, own, strict=True)
    ]
    if family.bare_first:
        layers[0] = replace(layers[0], num_norms=layers[0].num_norms - 1)
    return layers


def _num_norms(family: ConfigFamily, num_norms: int, mixer: Mixer, ffn: FeedForward, residual: bool) -> int:
    """Norms of a layer: half of the family's where a part is absent; of one that routes those beside it too."""
    if mixer.absent or ffn.absent:
        return num_norms // 2
    return num_norms + isinstance(ffn, MoE) * (family.routed_norms + residual)


def _mixer(family: ConfigFamily, fields: Fields, kind: str, d_model: int) -> Mixer:
    if kind == NOTHING:
        return NoMixer()
    if kind not in (LINEAR, BLOCKS):
        return family.attention.read(fields, d_model, window(fields, kind), kind == CHUNKED)
    if family.linear is None:
        raise ConfigError(f"layer_types: {family.architecture} has no linear attention")
    return family.linear.read(fields, d_model)
