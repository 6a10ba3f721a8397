"""How a batch spreads over experts: balanced, or skewed by a power law."""

from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Values

QUANTILES = (np.arange(256) + 0.5) / 256

LARGEST_SHARE = 0.8
"""The most loaded expert draws up to this share of all tokens."""

FEW_TOKENS_RANGE = (0.01, 2.0)
"""Range of the draws where tokens · top_k is at most the number of experts."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What the busiest expert-parallel rank computes.

    Attributes:
        pairs: (token, expert) pairs.
        distinct: Experts with at least one token.
    """

    pairs: Values
    distinct: Values


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
    high = np.maximum(np.where(many, LARGEST_SHARE * tokens, FEW_TOKENS_RANGE[1]), 1.001 * low)
    power = 1 - exponent
    draws = (low**power + QUANTILES * (high**power - low**power)) ** (1 / power)
    relative = draws / draws.mean(axis=-1, keepdims=True)
    held = (num_experts / ep)[..., 0]
    ranks = ep[..., 0]
    busiest = 1 + relative.std(axis=-1) * np.sqrt(2 * np.log(ranks) / held)
    busiest = np.minimum(busiest, ranks)
    mean_load = tokens * top_k / num_experts
    touched = (relative * mean_load * np.sqrt(busiest)[..., None] > 0.5).mean(axis=-1) * held
    pairs = (mean_load[..., 0] * held) * busiest
    chosen = np.minimum(top_k[..., 0], held)
    return Spread(pairs=pairs, distinct=_within(np.clip(touched, 0.9 * chosen, held), pairs))


def _within(distinct: Values, pairs: Values) -> Values:
    """At least one expert, and no more than there are pairs."""
    return np.maximum(np.minimum(distinct, pairs), 1.0)
