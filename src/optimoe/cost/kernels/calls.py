"""What a kernel is asked and what it answers: shapes, seconds, and the interface between the two.

A shape holds what one GPU runs in one call, by name, as numbers or as arrays over a grid. Shapes are not
validated: they are made by formulas from requests that were, once a layer in loops over 10⁶ designs.
"""

from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import holds
from optimoe.core.provenance import Basis
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.arithmetic import AUTO
from optimoe.cost.hardware.curve import KernelFamily


@dataclass(frozen=True, kw_only=True)
class Gemm:
    """A matrix product out[M, N] = activations[M, K] · weights[K, N].

    Attributes:
        rows: M, tokens in a forward pass.
        width: N, columns of the weights.
        depth: K, what is summed over.
        activations: Format in which the activations enter; ``auto`` is as kernels for these weights take them.
    """

    rows: Values
    width: Values
    depth: Values
    activations: str = AUTO

    def for_input(self) -> "Gemm":
        """The gradient of the activations, [M, N]·[N, K]: width and depth change places."""
        return replace(self, width=self.depth, depth=self.width)

    def for_weight(self) -> "Gemm":
        """The gradient of the weights, [K, M]·[M, N]: the tokens are what is summed over."""
        return replace(self, rows=self.depth, depth=self.rows)


@dataclass(frozen=True, kw_only=True)
class PrefillAttention:
    """Causal softmax attention of one layer over prompts, in bf16.

    Attributes:
        requests: Prompts, b.
        num_heads: Query heads on this GPU, h.
        num_kv_heads: Key-value heads on this GPU, h_kv.
        head_dim: Width of a head, d_h.
        length: Tokens of a prompt, S.
        seen: Tokens that a query attends to on average.
    """

    requests: Values
    num_heads: Values
    num_kv_heads: Values
    head_dim: Values
    length: Values
    seen: Values


@dataclass(frozen=True, kw_only=True)
class DecodeAttention:
    """Grouped-head attention of one layer over a cache, one token a request.

    Attributes:
        requests: Requests in the batch, each with a cache of its own.
        num_heads: Query heads on this GPU, h; several tokens of a request over one cache count as so many heads.
        num_kv_heads: Key-value heads on this GPU, h_kv; a fraction where a cache is split by tokens.
        head_dim: Width of a head, d_h.
        seen: Tokens that a query attends to.
    """

    requests: Values
    num_heads: Values
    num_kv_heads: Values
    head_dim: Values
    seen: Values

    @property
    def values(self) -> Values:
        """Cached values of a token on this GPU: keys and values, 2·h_kv·d_h."""
        return 2 * self.num_kv_heads * self.head_dim

    @property
    def score_flops(self) -> Values:
        """FLOPs of a request's scores and weighted values: 4·h·d_h per attended token."""
        return 4 * self.num_heads * self.head_dim * self.seen

    @property
    def row_flops(self) -> Values:
        """FLOPs of one more query row to every key-value head of a request: 4·h_kv·d_h per attended token."""
        return 4 * self.num_kv_heads * self.head_dim * self.seen


@dataclass(frozen=True, kw_only=True)
class LatentDecodeAttention:
    """Attention over a cache that all heads share: absorbed MLA over its latents, an indexer over its keys.

    It has no head width, so nothing that was measured by head width answers for it.

    Attributes:
        requests: Requests in the batch, each with a cache of its own.
        values: Cached values of a token on this GPU.
        score_flops: FLOPs of a request's scores, and weighted values where there are any.
        seen: Tokens whose cache a request reads.
        row_flops: Of one more query row; 0 where all heads of a GPU fill tiles.
    """

    requests: Values
    values: Values
    score_flops: Values
    seen: Values
    row_flops: Values = 0.0


@dataclass(frozen=True, kw_only=True)
class RoutedExperts:
    """The routed experts of one layer as one fused call: up and gate, activation, down, weighted sum.

    Attributes:
        pairs: (token, expert) pairs computed on this GPU.
        distinct: Distinct experts, those with at least one token, on this GPU.
        d_model: Width of the tokens that are routed, d.
        width: Width of an expert, its share on this GPU, f.
        num_experts, top_k: E and k of the whole layer.
        moved_pairs: Pairs whose rows this GPU moves; more than ``pairs`` where an engine carries the rows of
            other GPUs' experts through its buffers.
        ep: Parts into which the experts are dealt.
        matrices: Matrices of an expert, m: 3 or 2.
        activations: Format in which the activations enter; ``auto`` is as kernels for these weights take them.
    """

    pairs: Values
    distinct: Values
    d_model: Values
    width: Values
    num_experts: Values
    top_k: Values
    moved_pairs: Values
    ep: Values = 1
    matrices: int = 3
    activations: str = AUTO


@dataclass(frozen=True, kw_only=True)
class AllReduce:
    """An all-reduce over the GPUs that split a layer, by the engines' own kernel.

    Attributes:
        ranks: GPUs that take part; one sends nothing.
        payload_bytes: The whole tensor that each of them reduces.
    """

    ranks: Values
    payload_bytes: Values


@dataclass(frozen=True, kw_only=True)
class Roofline:
    """A kernel that nobody measured: bf16 arithmetic and reads at the shares of a family that was (derived).

    Attributes:
        flops: Arithmetic.
        num_bytes: Reads and writes.
        shares_of: KernelFamily whose shares of the data sheet it reaches.
        launch_of: KernelFamily whose launch it takes.
    """

    flops: Values
    num_bytes: Values
    shares_of: KernelFamily
    launch_of: KernelFamily


@dataclass(frozen=True, kw_only=True)
class HostRead:
    """Weights that come from the host's memory over its link before a kernel can run.

    Attributes:
        num_bytes: What comes over the link, in one direction.
    """

    num_bytes: Values


Kernel: TypeAlias = (
    Gemm
    | PrefillAttention
    | DecodeAttention
    | LatentDecodeAttention
    | RoutedExperts
    | AllReduce
    | Roofline
    | HostRead
)


@dataclass(frozen=True, kw_only=True)
class KernelTime:
    """Seconds of one call, by what they are spent on.

    Attributes:
        launch_s: Launch and serial latency.
        side_s: Traffic beside the product: activations through memory, a payload between GPUs.
        compute_s: Arithmetic alone.
        memory_s: Reads and writes alone.
        sharpness: How the last two overlap.
        measured: Whether the whole was measured at this shape rather than computed from a curve.
    """

    launch_s: Values
    side_s: Values
    compute_s: Values
    memory_s: Values
    sharpness: int
    measured: Flags = False

    @property
    def basis(self) -> Basis:
        """The basis of the time: measured where all of it is, else fitted."""
        return Basis.MEASURED if holds(self.measured) else Basis.FITTED

    @property
    def body_s(self) -> Values:
        """Seconds of everything but the launch."""
        return self.side_s + smooth_max(self.compute_s, self.memory_s, self.sharpness)

    @property
    def total_s(self) -> Values:
        """Seconds of the whole call."""
        return self.launch_s + self.body_s


def smooth_max(left: Values, right: Values, sharpness: int) -> Values:
    """Smooth maximum (left^p + right^p)^(1/p) for p = 1, 2, 4: at most 2^(1/p) above the larger, below neither."""
    if sharpness == 1:
        return left + right
    return np.sqrt(smooth_max(left * left, right * right, sharpness // 2))


@runtime_checkable
class KernelSource(Protocol):
    """The seam between a layer and its kernels: whatever gives seconds for the shapes can serve."""

    @property
    def name(self) -> str:
        """The name by which a user chooses the source."""

    def time(self, gpu: Accelerator, precision: str, kernel: Kernel) -> KernelTime:
        """Seconds of one call on one GPU.

        Args:
            gpu: The accelerator.
            precision: Precision of what the kernel reads: the weights of a product or of experts, the cache of a
                decode; prompts' attention and all-reduces run in bf16 whatever it is.
            kernel: The shape.

        Raises:
            UnknownNameError: No such precision, or the source holds measurements alone and has none of the
                accelerator.
        """
