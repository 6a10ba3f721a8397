"""The GPUs of one copy of a model, seen from one of them."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import Gemm, Kernel, KernelSource, KernelTime
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.spread import Spread
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout

PLAIN_PRECISION = "bf16"
"""Engines keep the unembedding and the router in bf16 when they quantise the rest."""


Reads = Literal["weights", "experts", "kv", "host"]
"""What a kernel reads: weights, routed experts, the cache, or experts that stay in the host's memory."""


@dataclass(frozen=True, kw_only=True)
class LayerKernel:
    """One kernel of a layer on one GPU: data, which a step or a training pass has timed.

    Attributes:
        shape: What runs.
        precision: Precision of what it reads.
        reads: What it reads.
    """

    shape: Kernel
    precision: str
    reads: Reads


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Equal GPUs, how a model is laid out over them, and how its kernels run.

    Attributes:
        gpu: The accelerator.
        layout: Degrees of parallelism; may hold arrays.
        execution: Precisions, routing, overlap, and the source of kernel times.
    """

    gpu: Accelerator
    layout: Layout = field(default_factory=Layout)
    execution: Execution = field(default_factory=Execution)

    @property
    def tp(self) -> Values:
        """GPUs that split the heads and widths."""
        return self.layout.tp

    @property
    def kernels(self) -> KernelSource:
        """The source of kernel times."""
        return find_kernels(self.execution.kernels)

    def cache_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which a cache spreads: its key-value heads times its parts by tokens, at most tp."""
        return np.minimum(self.tp, num_kv_heads * self.layout.sp)

    def head_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which the key-value projections spread: no more than there are heads."""
        return np.minimum(self.tp, num_kv_heads)

    def spread(self, ffn: MoE, tokens: Values) -> Spread:
        """What the busiest GPU of those that share experts computes and reads for ``tokens`` of each of them."""
        layout, routing = self.layout, self.execution.routing
        all_tokens = tokens * layout.attention_ranks
        return routing.spread(all_tokens, ffn.num_experts, ffn.top_k, layout.ep, resident=layout.resident)

    def product(self, tokens: Values, width: Values, depth: Values) -> LayerKernel:
        """A product on each GPU with weights in the precision of the model."""
        return _product(self.execution.precision, tokens, width, depth)

    def plain_product(self, tokens: Values, width: Values, depth: Values) -> LayerKernel:
        """A product on each GPU in bf16, whatever the precision of the other weights."""
        return _product(PLAIN_PRECISION, tokens, width, depth)

    def mixing(self, shape: Kernel) -> LayerKernel:
        """A kernel on each GPU that reads the cache, in the cache's precision."""
        return LayerKernel(shape=shape, precision=self.execution.kv_precision, reads="kv")

    def time(self, kernel: LayerKernel) -> KernelTime:
        """Seconds of a layer's kernel on one GPU, by the source of kernel times."""
        return self.kernels.time(self.gpu, kernel.precision, kernel.shape)


def _product(precision: str, tokens: Values, width: Values, depth: Values) -> LayerKernel:
    shape = Gemm(rows=tokens, width=width, depth=depth)
    return LayerKernel(shape=shape, precision=precision, reads="weights")
