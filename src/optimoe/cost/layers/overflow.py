"""What full experts turn away: the expected share of a layer's expert slots beyond its capacity."""

import math

import numpy as np
from jaxtyping import Float
from scipy.special import bdtrc

from optimoe.core.errors import require
from optimoe.cost.kernels.spread import UNIFORM, RoutingSkew


def capacity(tokens: int, num_experts: int, top_k: int, capacity_factor: float) -> int:
    """Slots of an expert: ⌈factor·T·k/E⌉, T at most (Switch Transformer, arXiv 2101.03961, eq. 3, for k > 1)."""
    return min(tokens, math.ceil(capacity_factor * tokens * top_k / num_experts))


def dropped_share(
    tokens: int, num_experts: int, top_k: int, capacity_factor: float, routing: RoutingSkew = UNIFORM
) -> float:
    """Expected share of the T·k expert slots of a group of tokens that find their expert full.

    Each token picks expert e with probability p_e (:func:`choice_probabilities`) whatever the others pick, so that
    the load of an expert is X_e ~ Binomial(T, p_e), and with C slots an expert turns away

        E[(X_e − C)+] = T·p_e·P(Bin(T − 1, p_e) ≥ C) − C·P(Bin(T, p_e) ≥ C + 1)

    Loads of different experts depend on each other, expectations add all the same: the sum over e is exact. By
    assumption tokens are independent: those of one text resemble each other, and real overflow is larger.

    Args:
        tokens: T, tokens that share one capacity: a batch, or a group of it.
        num_experts: E.
        top_k: k.
        capacity_factor: Slots over an even share, 1 for none to spare.
        routing: How popular the experts are.

    Raises:
        ConfigError: A number is not positive, or k exceeds E.
    """
    require(tokens > 0, "tokens", "positive", tokens)
    require(0 < top_k <= num_experts, "top_k", f"from 1 to num_experts = {num_experts}", top_k)
    require(capacity_factor > 0, "capacity_factor", "positive", capacity_factor)
    slots = capacity(tokens, num_experts, top_k, capacity_factor)
    chosen = choice_probabilities(num_experts, top_k, routing)
    more_of_others, more = bdtrc(slots - 1, tokens - 1, chosen), bdtrc(slots, tokens, chosen)
    turned_away = tokens * chosen * more_of_others - slots * more
    return float(turned_away.sum()) / (tokens * top_k)


def choice_probabilities(num_experts: int, top_k: int, routing: RoutingSkew) -> Float[np.ndarray, " experts"]:
    """Probability that a token picks each expert, the most popular first: p_e = min(1, c·w_e), Σ p_e = k.

    w are the relative loads that the router would like. A token picks an expert once: what an expert that every
    token picks leaves over is shared by the others in proportion. Σ p_e is less where fewer than k have a load.
    """
    popularity = routing.popularity(num_experts)
    rest = np.append(np.cumsum(popularity[::-1])[::-1], 0.0)
    for certain in range(top_k + 1):  # experts that every token picks
        factor = (top_k - certain) / rest[certain] if rest[certain] > 0 else 0.0
        if certain == num_experts or factor * popularity[certain] <= 1:
            break
    return np.where(np.arange(num_experts) < certain, 1.0, factor * popularity)
