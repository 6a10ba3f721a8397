"""Tensors of quantised checkpoints as plain ones: FP8 in blocks (DeepSeek-V3), MXFP4 (gpt-oss).

Legend: E experts, R rows, C columns, G groups of 32 columns.
"""

from collections.abc import Mapping
from functools import partial
from math import ceil
from typing import Any

import torch
from torch import Tensor

from optimoe.core.errors import ConfigError, InputError, require, shown
from optimoe.models.convert.checkpoint.shards import LazyTensor

QUANTIZATION = "quantization_config"
"""The field of ``config.json`` that says how."""
_FP8, _FP8_SCALES = torch.float8_e4m3fn, "_scale_inv"
_MXFP4_BLOCKS, _MXFP4_SCALES = "_blocks", "_scales"
_E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""What 3 bits say beside a sign (OCP Microscaling Formats v1.0, 2023, Sec. 5.3.3)."""


def dequantized(
    tensors: Mapping[str, LazyTensor], config: Mapping[str, Any], dtype: torch.dtype
) -> dict[str, LazyTensor]:
    """The tensors of a checkpoint, with those that are quantised in a plain type when they are read.

    Args:
        tensors: By name, scales beside what they scale.
        config: Its ``config.json``; without ``quantization_config`` nothing is quantised.
        dtype: Of the tensors that were.

    Raises:
        ConfigError: They are quantised in another way, or scales are of another shape than they must be.
        InputError: Scales are missing.
    """
    stated = config.get(QUANTIZATION)
    if not stated:
        return dict(tensors)
    method = stated.get("quant_method") if isinstance(stated, dict) else stated
    if method == "fp8":
        return _from_fp8(dict(tensors), stated, dtype)
    if method == "mxfp4":
        return _from_mxfp4(dict(tensors), dtype)
    raise ConfigError(f"{QUANTIZATION}: quant_method must be fp8 or mxfp4, got {shown(str(method))}")


def _from_fp8(
    tensors: dict[str, LazyTensor], stated: Mapping[str, Any], dtype: torch.dtype
) -> dict[str, LazyTensor]:
    """Weights times one factor for each block, which at the edges may be smaller than the others."""
    block: list[int] = stated.get("weight_block_size", [])
    whole = isinstance(block, list) and len(block) == 2 and all(isinstance(n, int) and n > 0 for n in block)
    require(whole, "weight_block_size", "rows and columns of a block, which FP8 is read in", shown(repr(block)))
    quantized = [name for name in tensors if tensors[name].dtype == _FP8 or name + _FP8_SCALES in tensors]
    for name in quantized:
        weight, scales = tensors[name], _taken(tensors, name + _FP8_SCALES)
        fits = weight.dtype == _FP8 and len(weight.shape) == 2
        require(fits, name, "a matrix of float8_e4m3fn", f"{weight.dtype} of shape {tuple(weight.shape)}")
        blocks = tuple(ceil(width / size) for width, size in zip(weight.shape, block, strict=True))
        fits = scales.dtype.is_floating_point and tuple(scales.shape) == blocks
        found = f"{scales.dtype} of shape {tuple(scales.shape)}"
        require(fits, name + _FP8_SCALES, f"of floating point and of shape {blocks}", found)
        read = partial(_times_blocks, weight, scales, block, dtype)
        tensors[name] = LazyTensor(shape=weight.shape, dtype=dtype, read=read)
    return tensors


def _taken(tensors: dict[str, LazyTensor], name: str) -> LazyTensor:
    """Take scales out of a checkpoint.

    Raises:
        InputError: They are missing.
    """
    if name not in tensors:
        raise InputError(f"checkpoint: {name} missing beside what it scales")
    return tensors.pop(name)


def _times_blocks(weight: LazyTensor, scales: LazyTensor, block: list[int], dtype: torch.dtype) -> Tensor:
    """Element (r, c) times scale (⌊r / rows of a block⌋, ⌊c / its columns⌋), in float32."""
    factor_RC = scales.read().float()
    for dim, (width, size) in enumerate(zip(weight.shape, block, strict=True)):
        factor_RC = factor_RC.repeat_interleave(size, dim).narrow(dim, 0, width)
    return weight.read().float().mul_(factor_RC).to(dtype)


def _from_mxfp4(tensors: dict[str, LazyTensor], dtype: torch.dtype) -> dict[str, LazyTensor]:
    """Experts (E, R, 32 G) in bytes of two numbers and an exponent for each group; read inputs first."""
    for name in [name for name in tensors if name.endswith(_MXFP4_BLOCKS)]:
        base = name.removesuffix(_MXFP4_BLOCKS)
        blocks, scales = tensors.pop(name), _taken(tensors, base + _MXFP4_SCALES)
        fits = blocks.dtype == torch.uint8 and len(blocks.shape) == 4 and blocks.shape[-1] == 16
        require(fits, name, "bytes of shape (E, R, G, 16)", f"{blocks.dtype} of shape {tuple(blocks.shape)}")
        fits = scales.dtype == torch.uint8 and scales.shape == blocks.shape[:-1]
        found = f"{scales.dtype} of shape {tuple(scales.shape)}"
        require(fits, base + _MXFP4_SCALES, f"bytes of shape {tuple(blocks.shape[:-1])}", found)
        E, R, G = scales.shape
        read = partial(_unpacked, blocks, scales, dtype)
        tensors[base] = LazyTensor(shape=torch.Size((E, 32 * G, R)), dtype=dtype, read=read)
    return tensors


def _unpacked(blocks: LazyTensor, scales: LazyTensor, dtype: torch.dtype) -> Tensor:
    """Numbers of the format's 16 times 2^(scale − 127), the lower half of each byte first; expert by expert."""
    packed, exponents = blocks.read(), scales.read()
    E, R, G = exponents.shape
    number_16 = torch.tensor((*_E2M1, *(-number for number in _E2M1)), device=packed.device)
    w_ERC = torch.empty(E, R, 32 * G, dtype=dtype, device=packed.device)
    for w_RC, byte_RGb, scale_RG in zip(w_ERC, packed, exponents, strict=True):
        code_RGc = torch.stack([byte_RGb & 15, byte_RGb >> 4], dim=-1).flatten(-2)
        w_RC.view(R, G, 32).copy_(torch.ldexp(number_16[code_RGc.int()], scale_RG[..., None].int() - 127))
    return w_ERC.mT
