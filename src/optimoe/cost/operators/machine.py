"""A tensor-parallel group of equal GPUs, seen from one of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimoe.core.arrays import Values
from optimoe.cost.accelerator import Accelerator
from optimoe.cost.kernels.source import FITTED, KernelSource
from optimoe.cost.operators.curves import KernelTime

PLAIN_PRECISION = "bf16"
"""Engines keep the unembedding and the router in bf16 when they quantise the rest."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A tensor-parallel group and the precisions that it works in.

    Attributes:
        gpu: The accelerator.
        tp: Tensor-parallel degree; may be an array.
        precision: Of the weights.
        kv_precision: Of the cache.
        kernels: Where the times of its kernels come from.
    """

    gpu: Accelerator
    tp: Any
    precision: str = "bf16"
    kv_precision: str = "bf16"
    kernels: KernelSource = FITTED

    def kv_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which a cache spreads: no more than it has key-value heads."""
        return np.minimum(self.tp, num_kv_heads)

    def product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """A product of the given size on each GPU, in the precision of the weights."""
        return self.kernels.gemm(self.gpu, self.precision, tokens, width, depth)

    def plain_product(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """The same, in bf16 whatever the precision of the weights."""
        return self.kernels.gemm(self.gpu, PLAIN_PRECISION, tokens, width, depth)
