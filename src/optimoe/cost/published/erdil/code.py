"""The model in Erdil's repository (ege-erdil/inference-economics): it gives every output saved in the notebook.

It differs from the printed equations: activations by tensor-parallel degree, both embedding matrices in the
FLOPs, three NCCL protocols, one- or two-dimensional tensor parallelism with pipeline stages, no caps. All
functions take and give NumPy arrays that broadcast.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.errors import InfeasibleError, UnknownNameError
from optimoe.core.outputs import Evaluable, output
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.published.erdil.printed import GPUS_PER_NODE, REDUCTIONS, T_KERNEL_S
from optimoe.cost.published.erdil.shapes import BYTES, Gpu, Shape, find_gpu, find_shape

ALL_REDUCE, PEER_SEND = 2, 1
STAGES = (1, 2, 4, 6)
GAMMA_MAX = 20
BATCHES, GPU_COUNTS, LIMITS = 400, 400, 600
LARGEST_LOG2 = 18


@dataclass(frozen=True, kw_only=True)
class NcclProtocol:
    """A protocol of NCCL: seconds per rank in a node, per doubling of nodes, at least; its share of the link."""

    rank_s: float
    node_s: float
    base_s: float
    bandwidth_share: float

    def latency_s(self, phases: int, ranks: Values, nodes: Values) -> Values:
        """Seconds of a message without bytes: phases·(t_rank·(ranks/nodes − 1) + t_node·log2 nodes) + base."""
        return phases * (self.rank_s * (ranks / nodes - 1) + self.node_s * np.log2(nodes)) + self.base_s


LL = NcclProtocol(rank_s=0.6e-6, node_s=5e-6, base_s=6.8e-6, bandwidth_share=0.5)
LL128 = NcclProtocol(rank_s=1.25e-6, node_s=8.5e-6, base_s=14e-6, bandwidth_share=0.95)
SIMPLE = NcclProtocol(rank_s=28e-6, node_s=28e-6, base_s=0.0, bandwidth_share=1.0)


@dataclass(frozen=True, kw_only=True)
class ErdilLayout:
    """A layout: tensor parallelism in one or two dimensions, and pipeline stages."""

    dimensions: Literal[1, 2]
    stages: int


LAYOUTS = tuple(ErdilLayout(dimensions=dimensions, stages=stages) for stages in STAGES for dimensions in (2, 1))


@dataclass(frozen=True, kw_only=True)
class ErdilPoint:
    """A model on GPUs with a batch of requests in flight, each with a context; GPUs and batch may be arrays."""

    shape: Shape
    gpu: Gpu
    gpus: Values
    batch: Values
    context: float


def collective_s(gpu: Gpu, phases: int, ranks: Values, nodes: Values, payload: Values) -> Values:
    """The fastest protocol of an all-reduce (2 phases) or a send (1, half the bandwidth part); 0 for one rank.

    The same ring as the main cost model's, ``optimoe.cost.kernels.families.collectives._across_nodes_s``, with the
    repository's own protocols: kept apart, for this one must give what the repository gives.
    """
    inside = np.maximum(0.0, ranks / nodes - 1)
    wire = nodes * inside * payload / (ranks * gpu.intra_bytes_per_s)
    wire = wire + (nodes - 1) * payload / (ranks * gpu.inter_bytes_per_s)
    wire = wire if phases == ALL_REDUCE else wire / 2
    times = [
        protocol.latency_s(phases, ranks, nodes) + wire / protocol.bandwidth_share
        for protocol in (LL, LL128, SIMPLE)
    ]
    return np.where(np.asarray(ranks) <= 1, 0.0, np.minimum.reduce(np.broadcast_arrays(*times)))


def step_s(point: ErdilPoint, layout: ErdilLayout, tokens: int = 1) -> Values:
    """Seconds of one step with ``tokens`` of each request; infinite where the layout does not apply."""
    shape, gpu, stages = point.shape, point.gpu, layout.stages
    group, micro = point.gpus / stages, point.batch / stages
    along, across = (np.sqrt(group), np.sqrt(group)) if layout.dimensions == 2 else (group, 1.0)
    read = stages * _bytes(shape, micro * tokens, micro * point.context, along, across)
    arithmetic = point.batch * tokens * _flops_per_token(shape, point.context)
    network = _network_s(shape, gpu, group, micro * tokens, layout)
    seconds = shape.layers * REDUCTIONS * T_KERNEL_S + network
    work_s = np.maximum(read / (point.gpus * gpu.hbm_bytes_per_s), arithmetic / (point.gpus * gpu.flops_per_s))
    fits = shape.held_bytes(point.batch, point.context) <= point.gpus * gpu.hbm_bytes
    applies = (stages <= np.minimum(point.gpus, point.batch)) & fits
    return np.where(applies, seconds + work_s, np.inf)


def fastest_step_s(point: ErdilPoint, tokens: int = 1) -> Values:
    """Seconds of one step in the fastest layout of each point."""
    return np.minimum.reduce([step_s(point, layout, tokens) for layout in LAYOUTS])


def drafted_token_s(point: ErdilPoint, draft: Shape, acceptance: float) -> Values:
    """Seconds per token with a draft model: min over γ of (t_P(γ + 1) + γ·t_Q)·(1 − α)/(1 − α^(γ + 1))."""
    draft_s = fastest_step_s(replace(point, shape=draft))
    best = fastest_step_s(point)
    for gamma in range(1, GAMMA_MAX + 1):
        verify_s = fastest_step_s(point, tokens=gamma + 1)
        accepted = (1 - acceptance ** (gamma + 1)) / (1 - acceptance)
        best = np.minimum(best, (verify_s + gamma * draft_s) / accepted)
    return best


def usd_per_mtok(gpu: Gpu, gpus: Values, batch: Values, token_s: Values) -> Values:
    """Dollars per million tokens: 10^6·GPUs·t/b at the hourly price."""
    return TOKENS_PER_MTOK * gpus * token_s / batch * gpu.usd_per_hour / SECONDS_PER_HOUR


def _bytes(shape: Shape, tokens: Values, cached: Values, along: Values, across: Values) -> Values:
    """Weights and activations that one pass moves in one group, and the cache."""
    s, d, heads = shape.sparsity, shape.d_model, shape.heads * shape.d_head
    touched = 1 - (1 - 1 / s) ** tokens
    ffn = d * shape.d_ff + across * d * tokens / s + along * shape.d_ff * tokens / s
    per_layer = BYTES * touched * shape.experts * shape.ffn_matrices * ffn
    per_layer = per_layer + BYTES * (d * shape.d_qkv + across * d * tokens) + along * shape.d_qkv * tokens
    per_layer = per_layer + BYTES * (heads * d + across * d * tokens + along * heads * tokens)
    return shape.layers * per_layer + shape.kv_bytes_per_token * cached + BYTES * shape.embedding_params


def _flops_per_token(shape: Shape, context: float) -> float:
    return 2 * shape.params_active + 4 * shape.heads * shape.d_head * shape.layers * context


def _network_s(shape: Shape, gpu: Gpu, group: Values, tokens: Values, layout: ErdilLayout) -> Values:
    hidden = shape.active * (2 if shape.gated else 1) * shape.d_ff
    out = shape.active * shape.d_model
    if layout.dimensions == 2:
        words = np.array([shape.d_qkv, shape.d_model, hidden, out])
        ranks, nodes = np.sqrt(group), np.sqrt(np.ceil(group / GPUS_PER_NODE))
        share = np.sqrt(group)
    else:
        words = np.array([shape.d_model, out])
        ranks, nodes, share = group, np.ceil(group / GPUS_PER_NODE), 1.0
    reduces = sum(
        collective_s(gpu, ALL_REDUCE, ranks, nodes, BYTES * float(width) * tokens / share) for width in words
    )
    sends = collective_s(gpu, PEER_SEND, 2.0, 2.0, BYTES * shape.d_model * tokens / group)
    return shape.layers * reduces + (layout.stages - 1) * sends


@dataclass(frozen=True, kw_only=True)
class ErdilFrontier:
    """The cheapest point within each latency limit: arrays over the limits that can be met."""

    gpus: np.ndarray
    batch: np.ndarray
    token_s: np.ndarray
    usd_per_mtok: np.ndarray


def frontier(shape: Shape, gpu: Gpu, context: float, draft: Shape | None, acceptance: float) -> ErdilFrontier:
    """Speed against price over a grid of batches and (real-valued) GPU counts, as in the repository.

    Raises:
        InfeasibleError: No point takes less than a second per token.
    """
    batch = np.logspace(0, np.log2(2.0**LARGEST_LOG2 * shape.sparsity), BATCHES, base=2)[:, None]
    least = BYTES * shape.params_total / gpu.hbm_bytes
    gpus = np.logspace(np.log2(least), LARGEST_LOG2, GPU_COUNTS, base=2)[None, :]
    grid = ErdilPoint(shape=shape, gpu=gpu, gpus=gpus, batch=batch, context=context)
    token_s = fastest_step_s(grid) if draft is None else drafted_token_s(grid, draft, acceptance)
    price = usd_per_mtok(gpu, gpus, batch, token_s)
    members = list(_cheapest_within(token_s, price, np.logspace(-4, 0, LIMITS)))
    if not members:
        raise InfeasibleError(
            "latency: no point of the grid takes less than a second per token; shorten input_len"
        )
    rows, columns = np.unravel_index(members, token_s.shape)
    return ErdilFrontier(
        gpus=gpus[0, columns],
        batch=batch[rows, 0],
        token_s=token_s[rows, columns],
        usd_per_mtok=price[rows, columns],
    )


def _cheapest_within(token_s: np.ndarray, price: np.ndarray, limits: np.ndarray) -> Iterator[int]:
    """Flat index of the cheapest point within each limit that some point meets."""
    order = np.argsort(token_s, axis=None)
    times, prices = token_s.ravel()[order], price.ravel()[order]
    cheapest_so_far = np.minimum.accumulate(prices)
    for count in np.searchsorted(times, limits, side="right"):
        if count:
            yield int(order[np.flatnonzero(prices[:count] == cheapest_so_far[count - 1])[0]])


class ErdilCode(Evaluable):
    """The repository's outputs; ``layout="2d"`` is two-dimensional tensor parallelism without stages."""

    name = "erdil2025-code"
    domain = {"input_len": "nonnegative", "acceptance": "share"}  # noqa: RUF012

    @output("params_total")
    def params_total(self, model: str) -> float:
        """Parameters of a model, both embeddings included."""
        return find_shape(model).params_total

    @output("allreduce_latency_ll_s")
    def ll_latency_s(self, ranks: float, nodes: float) -> float:
        """Latency of an all-reduce in NCCL's LL protocol."""
        return float(LL.latency_s(ALL_REDUCE, ranks, nodes))

    @output("latency_s")
    def latency_s(
        self, model: str, gpu: str, N_gpu: float, batch: float, input_len: float, layout: str = "fastest"
    ) -> float:
        """Seconds of one decode step."""
        if layout not in ("fastest", "2d"):
            raise UnknownNameError(f"{self.name}: layout", layout, ("fastest", "2d"))
        shape, device = find_shape(model), find_gpu(gpu)
        point = ErdilPoint(shape=shape, gpu=device, gpus=N_gpu, batch=batch, context=input_len)
        return float(step_s(point, LAYOUTS[0]) if layout == "2d" else fastest_step_s(point))

    @output("tokens_per_s")
    def tokens_per_s(self, model: str, gpu: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Output tokens per second of one request."""
        return 1 / self.latency_s(model, gpu, N_gpu, batch, input_len)

    @output("utilisation")
    def utilisation(self, model: str, gpu: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Share of the peak that a step reaches: FLOP/(GPUs·peak·t)."""
        flops = batch * _flops_per_token(find_shape(model), input_len)
        return flops / (N_gpu * find_gpu(gpu).flops_per_s * self.latency_s(model, gpu, N_gpu, batch, input_len))

    @output("usd_per_mtok")
    def usd_per_mtok(self, model: str, gpu: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Dollars per million tokens."""
        seconds = self.latency_s(model, gpu, N_gpu, batch, input_len)
        return float(usd_per_mtok(find_gpu(gpu), N_gpu, batch, seconds))

    @output("max_tokens_per_s")
    def max_rate(self, model: str, gpu: str, input_len: float, draft: str = "", acceptance: float = 0.0) -> float:
        """Tokens per second of one request at the fast end of the frontier."""
        return float(1 / self._frontier(model, gpu, input_len, draft, acceptance).token_s[0])

    @output("max_N_gpu")
    def max_gpus(self, model: str, gpu: str, input_len: float, draft: str = "", acceptance: float = 0.0) -> float:
        """Number of GPUs at the fast end of the frontier."""
        return float(self._frontier(model, gpu, input_len, draft, acceptance).gpus[0])

    @output("max_batch")
    def max_batch(self, model: str, gpu: str, input_len: float, draft: str = "", acceptance: float = 0.0) -> float:
        """Batch at the fast end of the frontier."""
        return float(self._frontier(model, gpu, input_len, draft, acceptance).batch[0])

    @output("preferred_tokens_per_s")
    def preferred_rate(self, model: str, gpu: str, input_len: float, exponent: float) -> float:
        """Tokens per second of one request where (tokens/s)^a over the price is largest (eq. 45)."""
        points = self._frontier(model, gpu, input_len, "", 0.0)
        return float(1 / points.token_s[_preferred(points, exponent)])

    @output("preferred_usd_per_mtok")
    def preferred_price(self, model: str, gpu: str, input_len: float, exponent: float) -> float:
        """Dollars per million tokens where (tokens/s)^a over the price is largest (eq. 45)."""
        points = self._frontier(model, gpu, input_len, "", 0.0)
        return float(points.usd_per_mtok[_preferred(points, exponent)])

    @staticmethod
    @lru_cache(maxsize=16)  # several outputs are read off one frontier, a search of a fine grid
    def _frontier(model: str, gpu: str, input_len: float, draft: str, acceptance: float) -> ErdilFrontier:
        helper = find_shape(draft) if draft else None
        return frontier(find_shape(model), find_gpu(gpu), input_len, helper, acceptance)


def _preferred(points: ErdilFrontier, exponent: float) -> int:
    return int(np.argmax(points.token_s**-exponent / points.usd_per_mtok))
