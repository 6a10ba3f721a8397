"""ModuleNames of whole recipes: modelopt's ``quantization_config`` and its ``hf_quant_config.json``."""

from collections.abc import Mapping
from dataclasses import replace

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
from optimoe.arch.hf.quantization.stated import Config, Named, Stated, cache_format, integer, names, section
from optimoe.core.errors import ConfigError

MIXED = "MIXED_PRECISION"
_INT4 = grouped_integers(4, 128, zeros=False)
_RECIPES: dict[str, Scheme] = {
    # ModuleNames and layouts: NVIDIA/Model-Optimizer, modelopt/torch/export/{quant_utils,convert_hf_config}.py.
    "FP8": FP8_TENSOR,
    "FP8_PER_CHANNEL_PER_TOKEN": FP8_CHANNEL,
    "FP8_PB_WO": replace(fp8_blocks(128, 128), activations="bf16"),
    "FP8_PB_REAL": fp8_blocks(128, 128),
    "FP8_BLOCK_SCALES": fp8_blocks(128, 128),
    "MXFP8": replace(FP8_CHANNEL, block=(1, 32), scale_bits=8),
    "NVFP4": NVFP4,
    "NVFP4_AWQ": replace(NVFP4, column_bits=16),  # a scale of the input per column
    "W4A16_NVFP4": replace(NVFP4, activations="bf16"),
    "W4A8_NVFP4_FP8": replace(NVFP4, activations="fp8"),
    "MXFP4": MXFP4,
    "W4A8_MXFP4_FP8": replace(MXFP4, activations="fp8"),
    "W4A16": _INT4,
    "W4A16_AWQ": replace(_INT4, column_bits=16),
    "W4A8_AWQ": replace(_INT4, activations="fp8", column_bits=16),
    "INT4_AWQ": replace(_INT4, column_bits=16),
    "W8A16": replace(INT8_CHANNEL, activations="bf16"),
    "W8A8_SQ_PER_CHANNEL": replace(INT8_CHANNEL, column_bits=16),
    "INT8_SQ": replace(INT8_CHANNEL, column_bits=16),
}
_PLAIN = ("UNQUANTIZED", "NO_QUANT", "NONE")


def modelopt(config: Config) -> Stated:
    """``quant_algo`` for every linear layer of the blocks, or ``quantized_layers`` one by one; and exceptions.

    The head stays as it is unless it is named: engines do not read it quantised under a recipe for all layers.

    Raises:
        ConfigError: A recipe that is not known.
    """
    own = section(config, "quantization") or config
    recipe = str(own.get("quant_algo") or _PLAIN[-1]).upper()
    cache = own.get("kv_cache_quant_algo") or own.get("kv_cache_scheme")
    if recipe == MIXED:
        schemes = _layer_by_layer(section(own, "quantized_layers") or {})
    else:
        schemes = (Named(scheme=_scheme(recipe, own), everywhere=True),)
    return Stated(
        schemes=schemes,
        exceptions=names(own, "exclude_modules", "ignore"),
        kv_cache=cache_format(cache),
    )


def _layer_by_layer(layers: Config) -> tuple[Named, ...]:
    """Modules by recipe."""
    by_recipe: dict[tuple[str, int], list[str]] = {}
    for name, layer in layers.items():
        if not isinstance(layer, Mapping):
            raise ConfigError(f"quantization_config: {name} must be an object, got {layer!r}")
        recipe = str(layer.get("quant_algo") or _PLAIN[-1]).upper()
        by_recipe.setdefault((recipe, integer(layer, "group_size", 0)), []).append(name)
    return tuple(
        Named(
            scheme=_scheme(recipe, {"group_size": size or None}),
            names=ModuleNames(modules, "quantization_config: quantized_layers"),
        )
        for (recipe, size), modules in by_recipe.items()
    )


def _scheme(recipe: str, config: Config) -> Scheme | None:
    if recipe in _PLAIN:
        return None
    if recipe not in _RECIPES:
        raise ConfigError(f"quantization_config: quant_algo must be one of {', '.join(_RECIPES)}, got {recipe}")
    scheme = _RECIPES[recipe]
    grouped = scheme.block[0] == 1 and scheme.block[1] > 0
    return replace(scheme, block=(1, integer(config, "group_size", scheme.block[1]))) if grouped else scheme
