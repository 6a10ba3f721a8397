"""How a batch spreads over experts: uniform, Zipf-skewed or measured; and the draws of a kernel benchmark."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from optimoe.arch.traffic import expected_distinct_experts
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, require

QUANTILES = (np.arange(256) + 0.5) / 256
"""Even quantiles of the loads, as many whatever the number of experts: a grid of designs is one array."""

LARGEST_SHARE = 0.8
"""The most loaded expert draws up to this share of all tokens; source: :func:`power_law`."""

FEW_TOKENS_RANGE = (0.01, 2.0)
"""Range of the draws where tokens · top_k is at most the number of experts; source: :func:`power_law`."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What the busiest expert-parallel rank computes.

    Attributes:
        pairs: (token, expert) pairs.
        distinct: Experts with at least one token.
        missing: Those of them that are not in device memory.
    """

    pairs: Values
    distinct: Values
    missing: Values = 0.0


@dataclass(frozen=True, kw_only=True)
class RoutingSkew:
    """How often a router picks each expert; every one as often when nothing is given.

    Attributes:
        zipf: Exponent s of load ∝ rank^(−s) over the experts in order of their load; 0 is uniform.
        loads: Measured loads of the experts of one layer, in any unit and order; resampled by rank where a
            design has another number of experts. Excludes ``zipf``.
        balanced_ranks: Experts are placed (and the hot ones copied) so that no rank of an expert-parallel
            group draws more than its share in the mean; the fluctuation of a batch stays.

    Raises:
        ConfigError: An exponent below 0, a load below 0, no load above 0, or both kinds at once.
    """

    zipf: float = 0.0
    loads: tuple[float, ...] = ()
    balanced_ranks: bool = False

    def __post_init__(self) -> None:
        require(self.zipf >= 0, "zipf", "zero or more", self.zipf)
        if self.loads:
            require(
                min(self.loads) >= 0 and sum(self.loads) > 0, "loads", "zero or more, not all zero", self.loads
            )
            if self.zipf:
                raise ConfigError("zipf: must be left out beside measured loads, got both")

    @property
    def uniform(self) -> bool:
        """Whether every expert is as likely to be picked."""
        return not self.loads and self.zipf == 0

    def spread(
        self, tokens: Values, num_experts: Values, top_k: Values, ep: Values = 1, resident: Values = 1.0
    ) -> "Spread":
        """What the busiest of ``ep`` ranks computes and reads for T = ``tokens``.

        With the relative loads w_e of the experts (mean 1), an expert is picked by a token with p_e = k·w_e/E:

            d = Σ_e 1 − (1 − p_e)^T   over the rank's share n = E/ep
            distinct = min(n, d + m(ep)·√(d·(1 − d/n)))
            pairs    = T·k/ep · min(ep, 1 + m(ep)·√(cv²·ep/E + (1 − 1/ep)/(T·k/ep)))

        with m(ep) the expected maximum of ep standard normal draws and cv the relative spread of the loads.
        ``missing`` are those of the distinct experts that belong to the coldest share 1 − resident, which is
        not in device memory.
        """
        if self.uniform:
            touched = expected_distinct_experts(num_experts, top_k, tokens)
            return _busiest(tokens * top_k, num_experts, ep, touched, (1 - resident) * touched, 0.0)
        experts, load = self._nodes(np.asarray(num_experts, dtype=float))
        picked = np.minimum(1.0, (top_k / np.asarray(num_experts))[..., None] * load)
        each = experts * (1 - (1 - picked) ** np.asarray(tokens, dtype=float)[..., None])
        rank = np.cumsum(experts, axis=-1) - experts / 2
        missing = (each * (rank > np.asarray(resident * num_experts)[..., None])).sum(axis=-1)
        skew = 0.0 if self.balanced_ranks else (experts * (load - 1) ** 2).sum(axis=-1) / num_experts
        return _busiest(tokens * top_k, num_experts, ep, each.sum(axis=-1), missing, skew)

    def popularity(self, num_experts: int) -> Float[np.ndarray, " experts"]:
        """Relative load of each expert, the most loaded first, mean 1.

        Measured loads of another number of experts are interpolated by rank.
        """
        rank = np.arange(1, num_experts + 1)
        load = rank ** -float(self.zipf)
        if self.loads:
            measured = np.sort(np.asarray(self.loads, dtype=float))[::-1]
            places = (np.arange(len(measured)) + 0.5) / len(measured)
            load = np.interp((rank - 0.5) / num_experts, places, measured)
        return load / load.mean()

    def _nodes(self, num_experts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Experts by falling load as (number, relative load with mean 1) along a last axis."""
        if self.loads:
            load = np.sort(np.asarray(self.loads, dtype=float))[::-1]
            experts = num_experts[..., None] * np.full(len(load), 1 / len(load))
        else:
            # geometric from rank ½ to E + ½: a bin's load is that of its geometric mean, exact at s = 2
            edges = ((num_experts[..., None] + 0.5) / 0.5) ** ZIPF_EDGES * 0.5
            experts = np.diff(edges, axis=-1)
            load = (edges[..., 1:] * edges[..., :-1]) ** (-self.zipf / 2)
        mean = (experts * load).sum(axis=-1, keepdims=True) / experts.sum(axis=-1, keepdims=True)
        return experts, load / mean


def _busiest(
    pairs: Values, num_experts: Values, ep: Values, touched: Values, missing: Values, variance: Values
) -> "Spread":
    """The largest of ep ranks: see :meth:`RoutingSkew.spread`."""
    held, extreme = num_experts / ep, expected_maximum(ep)
    mean, distinct = pairs / ep, touched / ep
    fluctuation = np.sqrt(variance / held + (1 - 1 / ep) / mean)
    most = distinct + extreme * np.sqrt(distinct * np.maximum(0.0, 1 - distinct / held))
    return Spread(
        pairs=mean * np.minimum(ep, 1 + extreme * fluctuation),
        distinct=np.minimum(held, most),
        missing=missing / ep,
    )


def expected_maximum(draws: Values) -> Values:
    """Expected largest of so many standard normal draws: Φ⁻¹((R − 3/8)/(R + 1/4)), 0 for one (Blom 1958)."""
    return ndtri((draws - 0.375) / (draws + 0.25))


ZIPF_EDGES = np.linspace(0.0, 1.0, 49)
"""Edges of the bins over ranks ½ … E + ½, even in the logarithm: 48 bins for any number of experts, so
that a grid of designs with different E is one array."""

UNIFORM = RoutingSkew()
"""Every expert as likely: the most experts read, the least imbalance."""


def balanced(tokens: Values, num_experts: Values, top_k: Values, ep: Values = 1) -> Spread:
    """Tokens dealt out evenly: min(T·k, E)/ep experts get a token. Reads most experts of all spreads."""
    pairs = np.asarray(tokens * top_k / ep, dtype=float)
    return Spread(pairs=pairs, distinct=_within(np.minimum(tokens * top_k, num_experts) / ep, pairs))


def power_law(tokens: Values, num_experts: Values, top_k: Values, exponent: float, ep: Values = 1) -> Spread:
    """Loads drawn from P(x) ∝ x^(−exponent) and scaled to T·k; the rank with the largest sum.

    x = (x_min^a + u·(x_max^a − x_min^a))^(1/a), a = 1 − exponent, over 256 even quantiles u, x from 1 to
    0.8·T (from 0.01 to 2 where T·k ≤ E). An expert whose load rounds to zero gets no token. The busiest of
    ep ranks of n = E/ep experts carries 1 + σ/μ·√(2·ln ep/n) times the mean (normal maximum). Source of the
    form: ai-dynamo/aiconfigurator, docs/POWER_LAW_DISTRIBUTION.md (1.01 slight, 1.2 moderate imbalance).
    """
    tokens, num_experts, top_k, ep = (
        np.asarray(value, dtype=float)[..., None] for value in (tokens, num_experts, top_k, ep)
    )
    many = tokens * top_k > num_experts
    low = np.where(many, 1.0, FEW_TOKENS_RANGE[0])
    # one or two tokens would leave no range at all, and the draws no spread to divide by
    high = np.maximum(np.where(many, LARGEST_SHARE * tokens, FEW_TOKENS_RANGE[1]), 1.001 * low)
    power = 1 - exponent
    draws = (low**power + QUANTILES * (high**power - low**power)) ** (1 / power)
    relative = draws / draws.mean(axis=-1, keepdims=True)
    held = (num_experts / ep)[..., 0]
    ranks = ep[..., 0]
    busiest = 1 + relative.std(axis=-1) * np.sqrt(2 * np.log(ranks) / held)
    busiest = np.minimum(busiest, ranks)
    mean_load = tokens * top_k / num_experts
    # half of the busiest rank's surplus, in logarithm, falls on each expert (assumed); half a token rounds up
    touched = (relative * mean_load * np.sqrt(busiest)[..., None] > 0.5).mean(axis=-1) * held
    pairs = (mean_load[..., 0] * held) * busiest
    # one token alone touches k different experts; a tenth is left to what the quantiles round away (assumed)
    chosen = np.minimum(top_k[..., 0], held)
    return Spread(pairs=pairs, distinct=_within(np.clip(touched, 0.9 * chosen, held), pairs))


def _within(distinct: Values, pairs: Values) -> Values:
    """At least one expert, and no more than there are pairs."""
    return np.maximum(np.minimum(distinct, pairs), 1.0)
