"""The GPUs of one copy of a model, seen from one of them."""

from dataclasses import dataclass, field

import numpy as np

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.curve import KernelTime
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.source import KernelSource
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout

PLAIN_PRECISION = "bf16"
"""Engines keep the unembedding and the router in bf16 when they quantise the rest."""


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
        """Where the times of its kernels come from."""
        return find_kernels(self.execution.kernels)

    def cache_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which a cache spreads: its key-value heads times its parts by tokens, at most tp."""
        return np.minimum(self.tp, num_kv_heads * self.layout.sp)

    def head_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which the key-value projections spread: no more than there are heads."""
        return np.minimum(self.tp, num_kv_heads)

    def product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """A product of the given size on each GPU, in the precision of the weights."""
        return self.kernels.gemm(self.gpu, self.execution.precision, tokens, width, depth)

    def plain_product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """The same, in bf16 whatever the precision of the weights."""
        return self.kernels.gemm(self.gpu, PLAIN_PRECISION, tokens, width, depth)
