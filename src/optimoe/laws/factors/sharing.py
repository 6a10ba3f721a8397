"""How many of the active experts are shared: Zhao 2025's law."""

import numpy as np

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.laws.factors.effect import DesignEffect, Find


def sharing_effect(arch: ArchSpec, find: Find) -> DesignEffect:
    """How much larger an unshared model of equal loss is, by Zhao 2025 (arXiv 2509.23678, Table 2).

    With F(q, N, N_a) = q·(N^−α + k·N_a^−α + h·N_a/N) + a·N^−α + c·N_a^−α and q at the design's active experts:
    the m with F(q(0), mN, mN_a) = F(q(S), N, N_a). The spread is its own size: Tian 2025 finds one shared expert
    best without a number, and newer work that sharing matters little.
    """
    source = "zhao2025"
    moe = arch.moe
    if moe is None or not np.any(moe.num_shared_experts):
        return DesignEffect(factor=1.0, spread=0.0, source=source)
    law, params = find(source), count_params(arch)
    c, total, active = law.coefficients, np.asarray(params.total, dtype=float), params.active
    used = np.add(moe.top_k, moe.num_shared_experts)
    shared = law.evaluate("q", {"G": used, "S": np.divide(moe.num_shared_experts, used)})
    alone = law.evaluate("q", {"G": used, "S": np.zeros_like(used, dtype=float)})
    size, seen = total ** -c["alpha"], np.power(active, -c["alpha"], dtype=float)
    share = c["h"] * active / total
    reached = shared * (size + c["k"] * seen + share) + c["a"] * size + c["c"] * seen
    unscaled = (alone + c["a"]) * size + (alone * c["k"] + c["c"]) * seen
    log_factor = -np.log((reached - alone * share) / unscaled) / c["alpha"]
    return DesignEffect(factor=np.exp(log_factor), spread=np.abs(log_factor), source=source)
