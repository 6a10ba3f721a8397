"""``quant_method`` of ``quantization_config``: one reader each."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from optimoe.arch.hf.quantization.compressed import block_pair, compressed_tensors
from optimoe.arch.hf.quantization.matching import ModuleNames
from optimoe.arch.hf.quantization.matrices import MOE_MODULES
from optimoe.arch.hf.quantization.modelopt import modelopt
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
    Config,
    Named,
    Stated,
    cache_format,
    integer,
    names,
    section,
)
from optimoe.core.errors import ConfigError, require

_EXPERTS = ModuleNames([f"{inside}.experts" for inside in MOE_MODULES], "quantization_config")
_PLAIN_LISTS = ("modules_to_not_convert", "ignored_layers", "ignore")


def read_method(config: Config) -> Stated:
    """What a ``quantization_config`` or ``hf_quant_config.json`` says; a method that is not known says nothing.

    Raises:
        ConfigError: A field of a known method is out of limits.
    """
    method = str(config.get("quant_method") or "").lower()
    if config.get("quant_algo") or "quantization" in config:
        method = "modelopt"
    if not method and "config_groups" in config:
        method = "compressed-tensors"
    reader = _METHODS.get(method)
    if reader is None:
        what = method or "a quantization_config without quant_method"
        return Stated(warning=f"{what} is not a method that is read: weights taken as bf16; state --precision")
    return reader(config)


def _fp8(config: Config) -> Stated:
    """One scale per block where ``weight_block_size`` stands (DeepSeek-V3), else one per matrix.

    Routed experts whose ``expert_dtype`` is ``fp4`` are in blocks of 32 columns, multiplied in fp8 (DeepSeek-V4).

    Raises:
        ConfigError: Another type of experts than fp8 and fp4.
    """
    block = config.get("weight_block_size")
    scheme = fp8_blocks(*block_pair(block)) if block is not None else FP8_TENSOR
    stated, experts = _all_linear(config, scheme), config.get("expert_dtype") or "fp8"
    if experts == "fp8":
        return stated
    require(experts == "fp4", "expert_dtype", "fp8 or fp4", experts)
    named = Named(scheme=replace(MXFP4, activations="fp8"), names=_EXPERTS)
    return replace(stated, schemes=(named, *stated.schemes))


def _mxfp4(config: Config) -> Stated:
    """Routed experts, and nothing else whatever the exceptions say: engines read no other layer in it."""
    return Stated(schemes=(Named(scheme=MXFP4, names=_EXPERTS),), exceptions=names(config, *_PLAIN_LISTS))


def _gptq(config: Config) -> Stated:
    """Groups of columns with scale, zero point and an index per column; ``dynamic`` names exceptions.

    Keys of ``dynamic`` are regular expressions: after ``-:`` modules that stay as they are, after ``+:`` or alone
    modules with other bits or groups (ModelCloud/GPTQModel, quantization/config.py).
    """
    plain, named = [], []
    for key, changed in (section(config, "dynamic") or {}).items():
        if key.startswith("-:"):
            plain.append(f"re:{key[2:]}")
        elif isinstance(changed, Mapping):
            pattern = ModuleNames([f"re:{key.removeprefix('+:')}"], "quantization_config: dynamic")
            named.append(Named(scheme=_grouped(dict(config) | dict(changed), indices=True), names=pattern))
    head = config.get("lm_head") is True
    schemes = (*named, Named(scheme=_grouped(config, indices=True), everywhere=True, head=head))
    exceptions = ModuleNames([*plain, *(config.get("modules_to_not_convert") or [])], "quantization_config")
    return Stated(schemes=schemes, exceptions=exceptions)


def _awq(config: Config) -> Stated:
    """Groups of columns with scale and zero point."""
    return _all_linear(config, _grouped(config, indices=False))


def _grouped(config: Config, *, indices: bool) -> Scheme:
    bits = integer(config, "bits" if "bits" in config else "w_bit", 4)
    size = integer(config, "group_size" if "group_size" in config else "q_group_size", 128)
    if bits not in (4, 8):
        raise ConfigError(f"quantization_config: bits must be 4 or 8, got {bits}")
    return grouped_integers(bits, size, zeros=True, indices=indices)


def _bitsandbytes(config: Config) -> Stated:
    """4 bits with a scale per 64 values, itself in 8 bits where it is nested; or 8 bits with one per row."""
    if config.get("load_in_4bit"):
        nested = config.get("bnb_4bit_use_double_quant") is True
        # Nested: 8 bits, and one fp32 per 256 of them (QLoRA, arXiv 2305.14314, Sec. 3).
        scheme = Scheme(word="int4", value_bits=4, block=(1, 64), scale_bits=8 + 32 / 256 if nested else 32)
    else:
        scheme = replace(INT8_CHANNEL, activations="bf16")
    return replace(_all_linear(config, scheme), exceptions=names(config, "llm_int8_skip_modules"))


def _quark(config: Config) -> Stated:
    """``global_quant_config`` for every linear layer, ``layer_quant_config`` by glob, and ``exclude``."""
    own = [
        Named(scheme=_quark_scheme(layer), names=ModuleNames([name], "quantization_config: layer_quant_config"))
        for name, layer in (section(config, "layer_quant_config") or {}).items()
    ]
    everywhere = _quark_scheme(section(config, "global_quant_config") or {})
    return Stated(
        schemes=(*own, Named(scheme=everywhere, everywhere=True)),
        exceptions=names(config, "exclude"),
    )


def _quark_scheme(group: Any) -> Scheme | None:
    weight = section(group, "weight") if isinstance(group, Mapping) else None
    if weight is None:
        return None
    kind, size = str(weight.get("dtype")).lower(), integer(weight, "group_size", 0)
    by_row = weight.get("qscheme") in ("per_channel", "per_group")
    known: dict[str, Scheme] = {
        "fp8_e4m3": FP8_CHANNEL if by_row else FP8_TENSOR,
        "int8": INT8_CHANNEL,
        "fp4": NVFP4 if size == 16 else MXFP4,
        "int4": grouped_integers(4, size, zeros=False),
        "uint4": grouped_integers(4, size, zeros=True),
    }
    if kind not in known:
        raise ConfigError(f"quantization_config: dtype must be one of {', '.join(known)}, got {kind}")
    inputs = section(group, "input_tensors")
    entering = {"fp8_e4m3": "fp8", "int8": "int8", "fp4": known[kind].word}
    activations = "bf16" if inputs is None else entering.get(str(inputs.get("dtype")).lower(), "bf16")
    return replace(known[kind], activations=activations)


def _all_linear(config: Config, scheme: Scheme) -> Stated:
    return Stated(
        schemes=(Named(scheme=scheme, everywhere=True),),
        exceptions=names(config, *_PLAIN_LISTS),
        kv_cache=cache_format(config.get("kv_cache_scheme")),
    )


_METHODS: dict[str, Callable[[Config], Stated]] = {
    "fp8": _fp8,
    "deepseek_fp8": _fp8,
    "fbgemm_fp8": lambda config: _all_linear(config, FP8_CHANNEL),  # an fp32 scale per output row
    "mxfp4": _mxfp4,
    "compressed-tensors": compressed_tensors,
    "modelopt": modelopt,
    "modelopt_fp4": modelopt,
    "modelopt_mixed": modelopt,
    "awq": _awq,
    "gptq": _gptq,
    "bitsandbytes": _bitsandbytes,
    "quark": _quark,
}
