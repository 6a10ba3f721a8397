"""A ``config.json`` into an architecture."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from optimoe.arch.hf.families import FAMILIES, TEXT_PARTS, family_names, find_family
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config, Fields, read_flag, rope_kind, stated_rope
from optimoe.arch.hf.layers import CHUNKED, LINEAR, read_norms, window
from optimoe.arch.hf.own import OWN, read_own
from optimoe.arch.hf.quantization import quantised, without_config
from optimoe.arch.hf.traits.readers import FUNCTION_UNSTATED, always
from optimoe.arch.parts import DenseFFN, Mixer
from optimoe.arch.spec import ArchSpec, LayerGroup, grouped
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, UnknownNameError, require

QUANT_CONFIG = "hf_quant_config.json"
"""Where modelopt states formats beside a ``config.json``."""
MOST_LAYERS = 100_000
"""A stack is laid out layer by layer: a number beyond this is a mistake, not a model."""


def load_config(path: Path) -> ArchSpec:
    """Read a ``config.json``, or the one in a folder, with ``hf_quant_config.json`` where one is beside it.

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
    )


def from_config(config: Config, name: str, quantization: Config | None = None) -> ArchSpec:
    """The language model that a ``config.json`` describes, in the formats that its ``quantization_config`` states.

    Of a model of several modalities, its ``text_config`` alone; of ``model_type`` ``optimoe``, the plain values of
    :mod:`optimoe.arch.hf.own`. A ``model_type`` that is not known is read as a
    Llama or Mixtral when every field is one of theirs or one that changes no count, and refused otherwise.

    Args:
        config: The fields.
        name: What to call the model.
        quantization: What ``hf_quant_config.json`` says, where the fields state no formats.

    Raises:
        ConfigError: A field is missing, of the wrong type or out of limits.
        UnknownNameError: A ``model_type`` that is not known.
    """
    model_type = Fields(config, {}).text("model_type")
    if model_type == OWN:
        return read_own(config, name)
    if model_type in TEXT_PARTS:
        return from_config(_text_config(config, TEXT_PARTS[model_type]), name, quantization)
    known = find_family(model_type)
    family = known or _by_fields(config, model_type)
    for field, value in family.only.items():
        require(config.get(field, value) == value, field, f"{value} for {model_type}", config.get(field))
    fields = Fields(config, family.defaults, family.aliases)
    arch = replace(_read(family, fields, name), max_context=max_context(config))
    arch = replace(arch, traits=tuple(sorted({trait for read in family.traits for trait in read(fields, arch)})))
    if known is None:
        _require_understood(config, fields.asked, model_type)
    stated = config.get("quantization_config")
    if isinstance(stated, Mapping):
        return quantised(arch, stated, "quantization_config")
    return quantised(arch, quantization, QUANT_CONFIG) if quantization is not None else without_config(arch)


_POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length", "seq_length")


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
    if kind == "yarn":
        original = rope.get("original_max_position_embeddings")
        return max(int(stated), int(original * factor)) if isinstance(original, int | float) else int(stated)
    return int(stated * factor) if kind in ("linear", "dynamic") else int(stated)


def _text_config(config: Config, otherwise: str) -> dict[str, Any]:
    """The language model of several modalities: ``text_config``, or the outer fields where there is none."""
    text = config.get("text_config")
    if not isinstance(text, dict):
        return dict(config) | {"model_type": otherwise}
    outer = {key: config[key] for key in ("tie_word_embeddings", "quantization_config") if key in config}
    own = text.get("model_type")
    return outer | text | {"model_type": own if isinstance(own, str) and own in family_names() else otherwise}


def _read(family: ConfigFamily, fields: Fields, name: str) -> ArchSpec:
    num_layers = fields.count("num_hidden_layers", "n_layers")
    require(num_layers <= MOST_LAYERS, "num_hidden_layers", f"at most {MOST_LAYERS}", num_layers)
    d_model = fields.count("hidden_size", "d_model")
    routed = family.pattern(fields, num_layers)
    moe = family.routed.read(fields) if family.routed and True in routed else None
    dense = family.dense.read(fields, d_model) if False in routed else None
    kinds = family.kinds(fields, num_layers)
    mixers = {kind: _mixer(family, fields, kind, d_model) for kind in set(kinds)}
    ffns: dict[bool, Any] = {True: moe, False: dense}
    residual = bool(family.residual) and fields.flag(family.residual)
    num_norms = read_norms(fields, family.num_norms)
    positions = fields.count(family.positions) + family.extra_positions if family.positions else 0
    layers = [
        LayerGroup(
            num_layers=1,
            mixer=mixers[kind],
            ffn=ffns[routes],
            residual=DenseFFN(d_ff=d_model) if residual and routes else None,
            num_norms=num_norms + routes * (family.routed_norms + residual),
        )
        for kind, routes in zip(kinds, routed, strict=True)
    ]
    return ArchSpec(
        name=name,
        vocab_size=fields.count("vocab_size"),
        d_model=d_model,
        layers=grouped(layers),
        tied_embeddings=fields.flag("tie_word_embeddings"),
        unembedding_bias=read_flag(fields, family.unembedding_bias),
        norm=family.norm,
        num_end_norms=read_norms(fields, family.num_end_norms),
        num_positions=positions,
        num_mtp_layers=fields.count(family.mtp, zero=True) if family.mtp and fields.has(family.mtp) else 0,
    )


def _mixer(family: ConfigFamily, fields: Fields, kind: str, d_model: int) -> Mixer:
    if kind != LINEAR:
        return family.attention.read(fields, d_model, window(fields, kind), kind == CHUNKED)
    if family.linear is None:
        raise ConfigError(f"layer_types: {family.architecture} has no linear attention")
    return family.linear.read(fields, d_model)


_PLAIN = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
_NO_COUNT = {
    "_attn_implementation", "_name_or_path", "architectures", "attn_implementation", "auto_map", "dtype",
    "gradient_checkpointing", "initializer_range", "layer_norm_eps", "max_position_embeddings", "model_type",
    "name_or_path", "norm_eps", "original_max_position_embeddings", "output_attentions", "output_hidden_states",
    "output_router_logits", "pretraining_tp", "quantization_config", "rms_norm_eps", "rope_interleave",
    "rope_theta", "router_aux_loss_coef", "router_jitter_noise", "torch_dtype", "transformers_version",
    "use_cache",
}  # fmt: skip
"""Fields that change no count in any family that has them."""
_NO_COUNT_ENDS = ("_token_id", "_dropout", "_pdrop")
"""Ends of the names of such fields."""
_OFF = {"layer_types": None, "sliding_window": None, "use_sliding_window": False}
"""Values by which a field that would change the layers says that it does not."""


def _by_fields(config: Config, model_type: str) -> ConfigFamily:
    """Llama's parts, or Mixtral's, for an unknown type; what it computes with them nobody says.

    Raises:
        ConfigError: A field that both have is missing.
    """
    missing = sorted(set(_PLAIN) - set(config))
    if missing:
        raise _unknown(model_type, f"missing {', '.join(missing)}")
    like = FAMILIES["mixtral" if config.get("num_local_experts") else "llama"]
    return replace(like, traits=(*like.traits, always(FUNCTION_UNSTATED)))


def _require_understood(config: Config, asked: set[str], model_type: str) -> None:
    """Refuse an unknown type with any field that may mean a part of its own.

    Raises:
        ConfigError: There is one; the message names it.
    """
    off = {name for name, value in _OFF.items() if config.get(name, value) == value}
    known = asked | _NO_COUNT | off
    strange = sorted(name for name in config if name not in known and not name.endswith(_NO_COUNT_ENDS))
    if strange:
        raise _unknown(model_type, f"cannot interpret {', '.join(strange)}")


def _unknown(model_type: str, reason: str) -> ConfigError:
    known = UnknownNameError("model_type", model_type, family_names())
    return ConfigError(f"{known}; by its fields: {reason}")
