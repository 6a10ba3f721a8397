"""How finely experts are cut: Tian 2025's leverage, beside Krajewski 2024's law."""

import numpy as np

from optimoe.arch.count import active_share, granularity
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.factors.effect import DesignEffect, Find

REFERENCE_GRANULARITY = 4.0
"""4·d/d_expert at which the factor is 1: Tian's own reference (2·d/d_expert = 2), between those of the runs."""
LING_PER_KRAJEWSKI = 0.5
"""2·d/d_expert over 4·d/d_expert."""


def granularity_effect(arch: ArchSpec, find: Find) -> DesignEffect:
    """Leverage at the design's granularity over that at the reference one (Tian 2025, arXiv 2507.17702, eq. 13).

    Â^(γ·(g² − g_0²) + β·(g − g_0)), g = log2(2·d/d_expert), at the design's activation ratio; whatever the budget.
    The spread is the distance in ln N_eff to Krajewski 2024 (arXiv 2402.07871, Table 1, E = 64), whose size term
    gives ((g/G_0^γ + a)/(g/G^γ + a))^(1/α) with his G = 4·d/d_expert.
    """
    source = "tian2025-el, spread to krajewski2024-e64"
    if arch.moe is None:
        return DesignEffect(factor=1.0, spread=0.0, source=source)
    grain = granularity(arch)["krajewski"]
    tian, krajewski = find("tian2025-el"), find("krajewski2024-e64")
    ratio = tian.evaluate("A_hat", {"A": active_share(arch)})
    c, log_grain = tian.coefficients, np.log2(np.multiply(grain, LING_PER_KRAJEWSKI))
    log_reference = np.log2(REFERENCE_GRANULARITY * LING_PER_KRAJEWSKI)
    exponent = c["gamma"] * (log_grain**2 - log_reference**2) + c["beta"] * (log_grain - log_reference)
    k = krajewski.coefficients

    def size_term(G: Values) -> Values:
        return k["a"] + k["g"] * np.power(G, -k["gamma"], dtype=float)

    other = np.log(size_term(REFERENCE_GRANULARITY) / size_term(grain)) / k["alpha"]
    log_factor = exponent * np.log(ratio)
    routed = np.asarray(arch.moe.num_experts) > 1
    return DesignEffect(
        factor=np.where(routed, np.exp(log_factor), 1.0)[()],
        spread=np.where(routed, np.abs(log_factor - other), 0.0)[()],
        source=source,
    )
