"""How FLOPs are split between experts and attention: Li 2026's best ratio, with a size that we assume."""

import numpy as np

from optimoe.arch.count import active_share
from optimoe.arch.design import with_wider_experts
from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.factors.effect import DesignEffect, Find
from optimoe.laws.terms.ratio import CONTEXT_TOKENS

RATIO_LAW = "li2026-rstar"
REFERENCE_FLOPS = 1e21
"""C of r* where nobody states a budget: the largest of Li's runs (arXiv 2603.10379, Table 2)."""


def ratio_penalty(ratio: Values, best: Values) -> Values:
    """−ln of what N_eff keeps at fixed FLOPs with a ratio r in place of r*, KL(p*‖p) with p = (1, r)/(1 + r).

    **By assumption**: N_eff ∝ C_A^a·C_E^b with a + b = 1, C_A = C/(1+r) and C_E = C·r/(1+r), the limit of small
    exponents of the sum of two powers that Li 2026 minimises (arXiv 2603.10379, App. A). It is greatest at
    r* = b/a, so that Li's r* sets both exponents, and no number of ours enters. Li prints r* alone, no size: his
    neighbours within 0.001 nats of a minimum (App. B.3) come out at 0.001 to 0.002 nats here if 1.3 apart.

    Args:
        ratio: r, FLOPs of experts over those of attention.
        best: r*.
    """
    attention, experts = 1 / (1 + np.asarray(best)), best / (1 + np.asarray(best))
    kept_attention = (1 + np.asarray(best)) / (1 + np.asarray(ratio))
    return attention * -np.log(kept_attention) - experts * np.log(kept_attention * ratio / best)


def expert_attention_effect(arch: ArchSpec, find: Find, train_flops: float = 0.0) -> DesignEffect:
    """What a MoE loses by another r than Li's r* at its S: exp(−KL(p*‖p)), :func:`ratio_penalty`.

    Against the design at r* of the same FLOPs, E and k: a law is to read everything else of the design there
    (:func:`at_best_ratio`). The spread is its own size. Dense models, S = 0, are none of Li's: 1, so that a dense
    feed-forward of a bad width is not made to pay. r and r* at 4096 tokens; feed-forwards of layers that do not
    route are in neither.

    Args:
        arch: The design, or a grid of them.
        find: The library.
        train_flops: C of r*; :data:`REFERENCE_FLOPS` when 0. r* moves as C^0.1 to C^0.2.
    """
    moe = arch.moe
    if moe is None:
        return DesignEffect(factor=1.0, spread=0.0, source=RATIO_LAW)
    ratio, best = expert_attention_ratio(arch, CONTEXT_TOKENS), best_ratio_of(arch, find, train_flops)
    penalty = np.where(np.asarray(moe.num_experts) > 1, ratio_penalty(ratio, best), 0.0)[()]
    return DesignEffect(factor=np.exp(-penalty), spread=penalty, source=RATIO_LAW)


def at_best_ratio(arch: ArchSpec, find: Find, train_flops: float = 0.0) -> ArchSpec:
    """The design with all experts as wide as puts r at r*, the router taken as part of them; a dense one as it is.

    Li's optimum is at fixed FLOPs, E and k, where wider experts also store more and are coarser: what a law gives
    for N_total/N_act and for granularity is in it already. Counted twice, it would put the best r beyond r*.
    """
    moe = arch.moe
    if moe is None:
        return arch
    times = best_ratio_of(arch, find, train_flops) / expert_attention_ratio(arch, CONTEXT_TOKENS)
    return with_wider_experts(arch, np.where(np.asarray(moe.num_experts) > 1, times, 1.0)[()])


def best_ratio_of(arch: ArchSpec, find: Find, train_flops: float = 0.0) -> Values:
    """Li's r* at the design's own S and a training budget; at :data:`REFERENCE_FLOPS` when that is 0."""
    inputs = {"S": 1 - np.asarray(active_share(arch))[()], "C": train_flops or REFERENCE_FLOPS}
    return find(RATIO_LAW).evaluate("r_star", inputs)
