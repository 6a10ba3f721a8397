"""The kernels of causal convolutions around attention, on one GPU: what computes their kernels, and themselves."""

from collections.abc import Iterator

import numpy as np

from optimoe.arch.memory import STATE_BYTES
from optimoe.arch.parts import CausalConvolution
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.core.arrays import Values
from optimoe.cost.hardware.curve import KernelFamily
from optimoe.cost.kernels.calls import Roofline
from optimoe.cost.layers.machine import PLAIN, LayerKernel, Machine
from optimoe.cost.layers.parts.mixers import BF16_BYTES, decode_mixing, prefill_mixing, projections


@projections.register
def convolution_projections(
    mixer: CausalConvolution,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    precisions: LayerPrecisions = PLAIN,
) -> Iterator[LayerKernel]:
    """What computes the kernels of a token, where that is done; learned kernels are no product."""
    if np.any(mixer.dynamic_heads):
        width = mixer.dynamic_heads * mixer.d_conv / machine.tp
        yield from machine.products(tokens, width, d_model, precisions, "attention")


@decode_mixing.register
def convolution_decode_mixing(
    mixer: CausalConvolution,
    machine: Machine,
    d_model: Values,
    batch: Values,
    context: Values,
    queries: Values = 1,
) -> Iterator[LayerKernel]:
    """A roofline: the state is read and written in fp32, the learned kernels are read once."""
    moved = 2 * STATE_BYTES * batch * mixer.state_values + BF16_BYTES * mixer.kernel_params
    yield from _roofline(mixer, machine, batch * queries, moved, "decode_attention")


@prefill_mixing.register
def convolution_prefill_mixing(
    mixer: CausalConvolution,
    machine: Machine,
    d_model: Values,
    length: Values,
    past: Values = 0,
    prompts: Values = 1,
) -> Iterator[LayerKernel]:
    """A roofline: channels are read and written once, and the learned kernels read."""
    moved = BF16_BYTES * (2 * mixer.channels * prompts * length + mixer.kernel_params)
    yield from _roofline(mixer, machine, prompts * length, moved, "prefill_attention")


def _roofline(
    mixer: CausalConvolution, machine: Machine, tokens: Values, moved: Values, launch: KernelFamily
) -> Iterator[LayerKernel]:
    flops = 2 * mixer.kernel_params * tokens / machine.tp
    yield machine.mixing(
        Roofline(flops=flops, num_bytes=moved / machine.tp, shares_of="prefill_attention", launch_of=launch)
    )
