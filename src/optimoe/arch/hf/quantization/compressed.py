"""Groups of weights and activations by bits, type and strategy: compressed-tensors, and files that speak alike."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optimoe.arch.hf.quantization.matching import ModuleNames
from optimoe.arch.hf.quantization.scheme import (
    FP8_CHANNEL,
    FP8_TENSOR,
    INT8_CHANNEL,
    MXFP4,
    NVFP4,
    Scheme,
    fp8_blocks,
    grouped_integers,
)
from optimoe.arch.hf.quantization.stated import (
    NOBODY,
    Config,
    Named,
    Stated,
    cache_format,
    integer,
    names,
    section,
)
from optimoe.core.errors import ConfigError

_LINEAR = "Linear"
_SCALE_BITS = 16
"""Scales per channel and per block are in the model's own bf16 (compressed-tensors, ``initialize_module``)."""
_SHAPE_BITS = 128
"""``weight_shape`` beside packed integers: two 64-bit numbers."""


def compressed_tensors(config: Config) -> Stated:
    """``config_groups`` with ``targets``, and ``ignore`` (vllm-project/compressed-tensors, quant_config.py).

    ``Linear`` among the targets is every linear layer, the head too; other targets are names.

    Raises:
        ConfigError: A group is not understood.
    """
    groups = section(config, "config_groups") or {}
    schemes = []
    for label, group in groups.items():
        if not isinstance(group, Mapping):
            raise ConfigError(f"quantization_config: {label} must be an object, got {group!r}")
        schemes.append(_named(group, config))
    return Stated(
        schemes=tuple(schemes),
        exceptions=names(config, "ignore"),
        kv_cache=cache_format(config.get("kv_cache_scheme")),
    )


def _named(group: Config, config: Config) -> Named:
    targets = group.get("targets")
    targets = [_LINEAR] if targets is None else targets
    if not isinstance(targets, list):
        raise ConfigError(f"quantization_config: targets must be a list of names, got {targets!r}")
    linear = _LINEAR in targets
    others = [target for target in targets if target != _LINEAR]
    return Named(
        scheme=group_scheme(group, str(group.get("format") or config.get("format") or "")),
        names=ModuleNames(others, "quantization_config: targets") if others else NOBODY,
        everywhere=linear,
        head=linear,
    )


def group_scheme(group: Config, layout: str = "") -> Scheme | None:
    """The scheme of one group of weights and activations; none where its weights stay as they are.

    Raises:
        ConfigError: Bits, type or strategy that are not known.
    """
    weights = section(group, "weights")
    if weights is None:
        return None
    bits, kind = integer(weights, "num_bits", 8), str(weights.get("type", "int")).lower()
    if (kind, bits) == ("float", 8):
        scheme = _fp8(weights)
    elif (kind, bits) == ("float", 4):
        scheme = _fp4(weights, layout)
    elif kind == "int" and bits in (4, 8):
        scheme = _integers(weights, bits, layout)
    else:
        raise ConfigError(f"quantization_config: weights must be int4, int8, float4 or float8, got {kind}{bits}")
    return replace(scheme, activations=_activations(section(group, "input_activations"), scheme))


def _fp8(weights: Config) -> Scheme:
    size = integer(weights, "group_size", 0)
    strategy = str(weights.get("strategy") or ("group" if size > 0 else "tensor"))
    if strategy == "block":
        rows, columns = block_pair(weights.get("block_structure"))
        return replace(fp8_blocks(rows, columns), scale_bits=_SCALE_BITS)
    if strategy == "channel":
        return replace(FP8_CHANNEL, scale_bits=_SCALE_BITS)
    if strategy == "group":
        # MX formats: a power of two per 32 values (OCP Microscaling Formats v1.0, Sec. 5.2).
        return replace(FP8_CHANNEL, block=(1, size), scale_bits=8)
    return FP8_TENSOR


def _fp4(weights: Config, layout: str) -> Scheme:
    """nvfp4 or mxfp4: by the layout's name, else by groups of 16 or 32."""
    size = integer(weights, "group_size", 32 if "mx" in layout else 16)
    scheme = MXFP4 if "mx" in layout or (size == 32 and "nv" not in layout) else NVFP4
    return replace(scheme, block=(1, size))


def _integers(weights: Config, bits: int, layout: str) -> Scheme:
    """Packed words with a scale per group or row; plain 8-bit integers with a scale per row or matrix."""
    size = integer(weights, "group_size", 0)
    zeros = weights.get("symmetric") is False
    indices = weights.get("actorder") in ("group", "dynamic", True)
    if size > 0 or bits == 4 or layout == "pack-quantized":
        packed = grouped_integers(bits, size, zeros=zeros, indices=indices and size > 0)
        return replace(packed, matrix_bits=_SHAPE_BITS)
    if weights.get("strategy") == "tensor":
        return replace(INT8_CHANNEL, block=(0, 0), scale_bits=_SCALE_BITS)
    return replace(INT8_CHANNEL, scale_bits=_SCALE_BITS + 8 * zeros)


def _activations(inputs: Config | None, scheme: Scheme) -> str:
    if inputs is None:
        return "bf16"
    bits, kind = integer(inputs, "num_bits", 8), str(inputs.get("type", "int")).lower()
    if bits == 16:
        return "bf16"
    words = {("float", 8): "fp8", ("int", 8): "int8", ("int", 4): "int4", ("float", 4): scheme.word}
    if (kind, bits) not in words:
        raise ConfigError(f"quantization_config: input_activations must be 4, 8 or 16 bits, got {kind}{bits}")
    return words[kind, bits]


def block_pair(value: Any) -> tuple[int, int]:
    """Rows and columns of a block.

    Raises:
        ConfigError: Not two positive whole numbers.
    """
    if isinstance(value, list) and len(value) == 2 and all(type(size) is int and size > 0 for size in value):
        return value[0], value[1]
    raise ConfigError(f"quantization_config: a block must be two positive whole numbers, got {value!r}")
