"""The GPUs of one copy of a model, seen from one of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.arch.quantize import AUTO
from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import Gemm, Kernel, KernelSource, KernelTime
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.spread import Spread
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout

PLAIN = LayerPrecisions()
"""A layer all in bf16."""


Reads = Literal["weights", "experts", "kv", "host"]
"""What a kernel reads: weights, routed experts, the cache, or experts that stay in the host's memory."""


@dataclass(frozen=True, kw_only=True)
class LayerKernel:
    """One kernel of a layer on one GPU: data, which a step or a training pass has timed.

    Attributes:
        shape: What runs.
        precision: Precision of what it reads.
        reads: What it reads.
        share: Of the layers that run it, the share that does in this precision.
        beside: It runs beside a longer kernel on a stream of its own: what it reads and computes takes its time of
            the GPU, its launch does not.
    """

    shape: Kernel
    precision: str
    reads: Reads
    share: Values = 1.0
    beside: bool = False


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
        dealt = ffn.num_experts + layout.redundant_experts  # a copy takes its share of an expert's tokens
        return routing.spread(all_tokens, dealt, ffn.mean_top_k, layout.ep, resident=layout.resident)

    def product(
        self,
        tokens: Values,
        width: Values,
        depth: Values,
        precision: str = PLAIN_FORMAT,
        activations: str = AUTO,
        share: Values = 1.0,
    ) -> LayerKernel:
        """A product on each GPU with weights in a precision, and what enters it in another; in so many layers."""
        shape = Gemm(rows=tokens, width=width, depth=depth, activations=activations)
        return LayerKernel(shape=shape, precision=precision, reads="weights", share=share)

    def products(
        self, tokens: Values, width: Values, depth: Values, precisions: LayerPrecisions, part: str
    ) -> Iterator[LayerKernel]:
        """A product with weights of a part of a layer, in that part's format: :func:`formats`."""
        for precision, activations, share in formats(precisions, part):
            yield self.product(tokens, width, depth, precision, activations, share)

    @property
    def kv_precision(self) -> str:
        """Format of the cache; bf16 where nothing states one and no model and engine decide."""
        stated = self.execution.kv_precision
        return PLAIN_FORMAT if stated == AUTO else stated

    def mixing(self, shape: Kernel) -> LayerKernel:
        """A kernel on each GPU that reads the cache, in the cache's precision."""
        return LayerKernel(shape=shape, precision=self.kv_precision, reads="kv")

    def time(self, kernel: LayerKernel) -> KernelTime:
        """Seconds of a layer's kernel on one GPU, by the source of kernel times."""
        return self.kernels.time(self.gpu, kernel.precision, kernel.shape)


def formats(precisions: LayerPrecisions, part: str) -> Iterator[tuple[str, str, float]]:
    """The formats of a part's weights, of what enters their products, and the share of its values that has them.

    Where a list of exceptions leaves some matrices of a part in bf16, its products run so for that share: which of
    them are left is not told apart, so that each of them counts as both (derived).
    """
    plain = precisions.plain_share(part)
    if plain < 1:
        precision = precisions.of(part)
        # what enters a product that is not quantised is not quantised for it
        yield precision, AUTO if precision == PLAIN_FORMAT else precisions.activations_of(part), 1 - plain
    if plain > 0:
        yield PLAIN_FORMAT, AUTO, plain
