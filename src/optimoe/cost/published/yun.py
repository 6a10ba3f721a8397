"""Yun 2024 (arXiv 2404.02852): sizes, the KV-limited batch, and the cost over numbers of GPUs.

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
    """Measured latencies on G GPUs, by model size and batch: seconds, shape (sizes, batches).

    The batches start low: a step prefills b/n prompts on average, often a fraction of one.

    Raises:
        ConfigError: Sizes or batches do not rise, or the shapes differ.
    """

    gpus: int
    params: Float[np.ndarray, " sizes"]
    batches: Float[np.ndarray, " batches"]
    prefill_s: Float[np.ndarray, "sizes batches"]
    decode_s: Float[np.ndarray, "sizes batches"]

    def __post_init__(self) -> None:
        require_positive(self, "gpus")
        for name, axis in (("params", self.params), ("batches", self.batches)):
            require(np.diff(axis) > 0, name, "rising", axis)
        shape = (len(self.params), len(self.batches))
        for name, table in (("prefill_s", self.prefill_s), ("decode_s", self.decode_s)):
            require(table.shape == shape, name, f"of shape {shape}", table.shape)

    def step_s(self, params: float, batch: float, answer: float) -> float:
        """L = L_prefill(b/n) + L_decode(b), interpolated linearly in batch and size.

        Raises:
            ConfigError: Outside the table: latencies are not extrapolated.
        """
        return self._at(self.prefill_s, params, batch / answer) + self._at(self.decode_s, params, batch)

    def _at(self, table: np.ndarray, params: float, batch: float) -> float:
        for name, value, axis in (("params", params, self.params), ("batch", batch, self.batches)):
            require(
                axis[0] <= value <= axis[-1], name, f"between {axis[0]:g} and {axis[-1]:g}, as measured", value
            )
        along = [np.interp(batch, self.batches, row) for row in table]
        return float(np.interp(params, self.params, along))


def cost_per_token(
    tables: Sequence[LatencyTable],
    *,
    params: float,
    resident: float,
    memory_per_gpu: float,
    mu: float,
    prompt: float,
    answer: float,
    usd_per_gpu_s: float,
) -> float:
    """C(m) = min over G of G·C_0/T, T = b/L: dollars per output token.

    Memory and resident weights in elements; one table per number of GPUs.

    Raises:
        InfeasibleError: No number of GPUs holds the weights and one request.
        ConfigError: A batch or size lies outside a table.
    """
    costs = []
    for table in tables:
        if table.gpus * memory_per_gpu <= resident:
            continue
        hl = cache_width(params, mu)
        batch = kv_limited_batch(table.gpus * memory_per_gpu, resident, hl, prompt, answer)
        if batch >= 1:
            costs.append(table.gpus * usd_per_gpu_s * table.step_s(params, batch, answer) / batch)
    if not costs:
        raise InfeasibleError("memory: no number of GPUs holds the weights and one request")
    return float(min(costs))
