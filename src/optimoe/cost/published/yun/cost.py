"""Yun's sizes, KV-limited batch, and cost over numbers of GPUs from latency tables (arXiv 2404.02852).

µ, the traffic, the price and the latency tables were never published: they are arguments here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import InfeasibleError, require, require_positive
from optimoe.core.outputs import Evaluable, output

ADDED_SHARE = 1 / 3
"""c: parameters that one more expert adds, as a share of the dense twin's N (every second FFN routed)."""


class YunCost(Evaluable):
    """The algebra of Yun's eqs. 5, 6 and App. C, output by output."""

    name = "yun2024-cost"

    @output("total_ratio")
    def total_ratio(self, E: float) -> float:
        """Parameters over those of the dense twin: N_MoE/N = 1 + (E − 1)·c."""
        return 1 + (E - 1) * ADDED_SHARE

    @output("D")
    def tokens(self, B: float, N: float) -> float:
        """Training tokens of a budget counted on the dense twin: B/(6N)."""
        return B / (TRAIN_FLOPS_PER_PARAM_TOKEN * N)

    @output("batch")
    def batch(self, G: float, M0_elements: float, N_m: float, h: float, l: float, p: float, n: float) -> float:  # noqa: E741
        """Largest batch that the cache allows: (G·M0 − N_m)/((2p + n)·h·l), all in elements."""
        return kv_limited_batch(G * M0_elements, N_m, h * l, p, n)


def kv_limited_batch(memory: float, resident: float, hl: float, prompt: float, answer: float) -> float:
    """Requests that fit: (memory − weights)/((2p + n)·hl), a cache of 2hl elements per token.

    A request holds p + n/2 tokens on average. All quantities in elements.

    Raises:
        InfeasibleError: The weights do not fit.
    """
    if memory <= resident:
        raise InfeasibleError(f"memory: {resident:g} elements of weights do not fit {memory:g}; take more GPUs")
    return (memory - resident) / ((2 * prompt + answer) * hl)


def cache_width(params: float, mu: float) -> float:
    """Hl = µ·N^(2/3): width times layers of a model of N parameters."""
    return mu * params ** (2 / 3)


@dataclass(frozen=True, kw_only=True)
class LatencyTable:
    """Measured latencies on G GPUs, by model size and batch: seconds.

    Attributes:
        gpus: G.
        params: Sizes N, rising.
        batches: Requests of a decode step, rising.
        prompts: Prompts of a prefill, rising; they start low, as a step prefills b/n of them on average, often a
            fraction of one.
        prefill_s: L_prefill by size and prompts.
        decode_s: L_decode by size and batch.

    Raises:
        ConfigError: Sizes, batches or prompts do not rise, or the shapes differ.
    """

    gpus: int
    params: Float[np.ndarray, " sizes"]
    batches: Float[np.ndarray, " batches"]
    prompts: Float[np.ndarray, " prompts"]
    prefill_s: Float[np.ndarray, "sizes prompts"]
    decode_s: Float[np.ndarray, "sizes batches"]

    def __post_init__(self) -> None:
        require_positive(self, "gpus")
        for name in ("params", "batches", "prompts"):
            require(np.diff(getattr(self, name)) > 0, name, "rising", getattr(self, name))
        tables = (("prefill_s", self.prefill_s, self.prompts), ("decode_s", self.decode_s, self.batches))
        for name, table, axis in tables:
            shape = (len(self.params), len(axis))
            require(table.shape == shape, name, f"of shape {shape}", table.shape)

    def step_s(self, params: float, batch: float, answer: float) -> float:
        """L = L_prefill(b/n) + L_decode(b), interpolated linearly in batch and size.

        Raises:
            ConfigError: Outside the table: latencies are not extrapolated.
        """
        decode_s = self._at(self.decode_s, params, "batches", batch)
        return self._at(self.prefill_s, params, "prompts", batch / answer) + decode_s

    def _at(self, table: np.ndarray, params: float, along: str, value: float) -> float:
        axis = getattr(self, along)
        for name, asked, known in (("params", params, self.params), (along, value, axis)):
            # a batch divided by the answer and multiplied again may miss the end of an axis by a rounding
            near = known[0] * (1 - 1e-12) <= asked <= known[-1] * (1 + 1e-12)
            require(near, name, f"between {known[0]:g} and {known[-1]:g}, as measured", f"{asked:g}")
        rows = [np.interp(value, axis, row) for row in table]
        return float(np.interp(params, self.params, rows))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a model holds in memory, in elements of the weights' precision.

    Attributes:
        params: N, by which its latencies are looked up: the parameters outside embeddings of its dense twin.
        resident: All parameters.
        mu: µ of hl = µ·N^(2/3); one token of cache holds 2·hl elements.

    Raises:
        ConfigError: A number is not positive.
    """

    params: float
    resident: float
    mu: float

    def __post_init__(self) -> None:
        require_positive(self, "params", "resident", "mu")


@dataclass(frozen=True, kw_only=True)
class ServedFor:
    """What is asked of G GPUs, and what they cost.

    Attributes:
        memory_per_gpu: Elements that a GPU holds.
        prompt: p, tokens of a prompt.
        answer: n, tokens of an answer.
        usd_per_gpu_s: C_0.
        most_requests: Requests in flight at most; infinite for all that the cache allows.

    Raises:
        ConfigError: A number is not positive.
    """

    memory_per_gpu: float
    prompt: float
    answer: float
    usd_per_gpu_s: float
    most_requests: float = np.inf

    def __post_init__(self) -> None:
        require_positive(self, "memory_per_gpu", "prompt", "answer", "most_requests")


@dataclass(frozen=True, kw_only=True)
class TableServing:
    """A model on G GPUs by a latency table.

    Attributes:
        gpus: G.
        allowed: Requests that the cache allows.
        batch: Requests that are served, b.
        step_s: L, seconds of a step of b requests, prompts included.
        tokens_per_s: T = b/L, output tokens of the G GPUs.
        usd_per_token: G·C_0/T.
    """

    gpus: int
    allowed: float
    batch: float
    step_s: float
    tokens_per_s: float
    usd_per_token: float


def serve_on(table: LatencyTable, stored: Stored, asked: ServedFor) -> TableServing:
    """G·C_0/T of one number of GPUs, T = b/L: a model at the largest batch that the cache and the load allow.

    Raises:
        InfeasibleError: The GPUs do not hold the weights and one request.
        ConfigError: The batch or the size lies outside the table.
    """
    hl = cache_width(stored.params, stored.mu)
    memory = table.gpus * asked.memory_per_gpu
    allowed = kv_limited_batch(memory, stored.resident, hl, asked.prompt, asked.answer)
    if allowed < 1:
        raise InfeasibleError(f"memory: {table.gpus} GPUs hold the weights, but not one request; take more GPUs")
    batch = min(allowed, asked.most_requests)
    step_s = table.step_s(stored.params, batch, asked.answer)
    return TableServing(
        gpus=table.gpus,
        allowed=allowed,
        batch=batch,
        step_s=step_s,
        tokens_per_s=batch / step_s,
        usd_per_token=table.gpus * asked.usd_per_gpu_s * step_s / batch,
    )


def cost_per_token(tables: Sequence[LatencyTable], stored: Stored, asked: ServedFor) -> float:
    """C(m) = min over G of G·C_0/T, T = b/L: dollars per output token; one table per number of GPUs.

    Raises:
        InfeasibleError: No number of GPUs holds the weights and one request.
        ConfigError: A batch or size lies outside a table.
    """
    costs = []
    for table in tables:
        try:
            costs.append(serve_on(table, stored, asked).usd_per_token)
        except InfeasibleError:
            continue
    if not costs:
        raise InfeasibleError("memory: no number of GPUs holds the weights and one request")
    return min(costs)
