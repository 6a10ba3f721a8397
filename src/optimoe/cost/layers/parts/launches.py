"""Operators that a framework calls in a pass which no captured graph holds, as passes over prompts are.

Counted from the forward passes of vLLM, SGLang and the PyTorch flow of TensorRT-LLM: one call of the framework
may launch several kernels of one library, as that of routed experts does, and takes the host little longer for it.
What a call takes is fitted to this count (by kernels instead, a routed model left out is off by 22 %, not 15).
"""

from collections.abc import Iterator

import numpy as np

from optimoe.arch.parts import DenseFFN
from optimoe.arch.quantize import AUTO
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.arch.traffic import all_reduces
from optimoe.core.arrays import Values
from optimoe.cost.kernels.calls import Gemm, RoutedExperts
from optimoe.cost.layers.machine import LayerKernel, Machine
from optimoe.cost.layers.parts.mixers import prefill_mixing
from optimoe.cost.layers.parts.whole import layer_kernels

EXPERT_CALLS = 2
"""The choice of the experts, and the fused call that quantises, multiplies and sums."""

AROUND_ATTENTION = 2
"""Rotary embedding, and the write to the cache."""

WHOLE_ACTIVATIONS = ("bf16", "int4", "mxfp4")
"""Formats whose products take activations as they are: nothing quantises them on the way."""


def launches(machine: Machine, arch: ArchSpec) -> Values:
    """Calls of one pass: Σ_layers (norms + mixer + feed-forward + exchange) + unembedding."""
    split = np.asarray(machine.layout.group) > 1
    return 1 + sum(
        group.num_layers * (group.num_norms + split * all_reduces(group) + _of_layer(machine, arch, group))
        for group in arch.layers
    )


def _of_layer(machine: Machine, arch: ArchSpec, group: LayerGroup) -> Values:
    """Calls of the products, the mixing and the feed-forward, with what quantises their inputs."""
    around = AROUND_ATTENTION * (not group.mixer.absent)
    return (
        around
        + sum(_of_kernel(kernel) for kernel in _kernels(machine, arch, group))
        + sum(isinstance(ffn, DenseFFN) for ffn in group.feed_forwards)
    )


def _of_kernel(kernel: LayerKernel) -> Values:
    """Calls of one kernel; of a part that is only partly in a format, its share."""
    if isinstance(kernel.shape, RoutedExperts):
        return kernel.share * EXPERT_CALLS
    if not isinstance(kernel.shape, Gemm):
        return kernel.share
    entering = kernel.precision if kernel.shape.activations == AUTO else kernel.shape.activations
    return kernel.share * (1 + (entering not in WHOLE_ACTIVATIONS))


def _kernels(machine: Machine, arch: ArchSpec, group: LayerGroup) -> Iterator[LayerKernel]:
    """The kernels of a layer, whose sizes do not matter here."""
    yield from layer_kernels(group, machine, arch.d_model, 1)
    yield from prefill_mixing(group.mixer, machine, arch.d_model, 1)
