"""Li et al. 2026 (arXiv 2603.10379): how to split FLOPs between experts and attention."""

from typing import ClassVar

import numpy as np

from optimoe.arch.flops import TRAIN_PASSES, prefill_flops
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, require
from optimoe.core.outputs import Domains
from optimoe.laws.law import Law, output, signed
from optimoe.laws.terms.optimum import find_root

ACTIVE_EXPERTS = 3
"""One shared and two routed experts in every run."""
CONTEXT_TOKENS = 4096
RATIO_RANGE = (1e-12, 1e12)
"""Where the best ratio is looked for: all that a design could have, with room."""


class ExpertAttention(Law):
    """Best ratio of expert to attention FLOPs, r* = α_r·C^β_r (eq. 1, Sec. 3.2 and 3.3).

    α_r = α0·(1−S)^α1, β_r = β0·(1−S)^β1, S = (E − 3)/E with the shared expert in E; C total training FLOPs
    (the text says per token in places: then r* would leave the swept 0.2 to 1.5). r is a ratio, not a share.
    App. B.3 replaces measured minima by neighbours where r* would fall with C, so that growth is partly built
    in; one team, no seeds. The closed form of App. A (eq. 4) is wrong: ``foc_r`` is the right condition.
    """

    family = "li-rstar"
    signs = signed(positive="alpha0 beta0")
    domain: ClassVar[Domains] = {"n_shared": "nonnegative"}

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """E with shared experts, C = 3 forward passes over sequences of 4096 tokens, logits included.

        Raises:
            ConfigError: The model is dense.
        """
        moe = arch.moe
        if moe is None:
            raise ConfigError(f"law {self.row.name}: must be asked about a MoE, got a dense model")
        per_token = TRAIN_PASSES["none"] * prefill_flops(arch, CONTEXT_TOKENS).total
        return {"E": moe.num_experts + moe.num_shared_experts, "C": per_token * tokens}

    @output("S")
    def sparsity(self, E: Values) -> Values:
        """Sparsity as the paper counts it, S = (E − 3)/E."""
        require(np.all(np.asarray(E) >= ACTIVE_EXPERTS), "E", f"at least {ACTIVE_EXPERTS}", E)
        return (E - ACTIVE_EXPERTS) / E

    @output("alpha_r")
    def factor(self, E: Values) -> Values:
        """Factor of the power law, α_r = α0·(1−S)^α1."""
        return self.coefficients["alpha0"] * np.power(1 - self.sparsity(E), self.coefficients["alpha1"])

    @output("beta_r")
    def exponent(self, E: Values) -> Values:
        """Exponent of the power law, β_r = β0·(1−S)^β1."""
        return self.coefficients["beta0"] * np.power(1 - self.sparsity(E), self.coefficients["beta1"])

    @output("r_star")
    def best_ratio(self, E: Values, C: Values) -> Values:
        """Best ratio of expert to attention FLOPs at a budget, r* = α_r·C^β_r."""
        return self.factor(E) * np.power(C, self.exponent(E), dtype=float)

    @output("C_at_r")
    def compute_at_ratio(self, E: Values, r: Values) -> Values:
        """Budget at which r is the best ratio."""
        return np.power(r / self.factor(E), 1 / self.exponent(E))

    @output("C_crossing")
    def crossing(self, E1: Values, E2: Values) -> Values:
        """Budget at which the curves of two expert counts meet; their order is reversed below it."""
        require(np.all(np.not_equal(E1, E2)), "E2", "another count than E1", E2)
        return np.power(self.factor(E2) / self.factor(E1), 1 / (self.exponent(E1) - self.exponent(E2)))

    @output("C_attention")
    def attention_flops(
        self, n: Values, d: Values, d_expert: Values, E_routed: Values, k: Values, n_shared: Values
    ) -> Values:
        """Attention FLOPs per sequence and layer as App. C prints them, with 2nd² for the value product."""
        return 8 * n * d**2 + 2 * n**2 * d + 2 * n * d**2

    @output("C_attention_standard")
    def attention_flops_standard(
        self, n: Values, d: Values, d_expert: Values, E_routed: Values, k: Values, n_shared: Values
    ) -> Values:
        """Attention FLOPs per sequence and layer with the right value product, 2n²d."""
        return 8 * n * d**2 + 4 * n**2 * d

    @output("C_expert")
    def expert_flops(
        self, n: Values, d: Values, d_expert: Values, E_routed: Values, k: Values, n_shared: Values
    ) -> Values:
        """FLOPs of router and active experts per sequence and layer, n·(2dE + 6·d·d_x·(k + n_shared))."""
        return n * (2 * d * E_routed + 6 * d * d_expert * (k + n_shared))

    @output("foc_r")
    def stationary_ratio(self, a: Values, b: Values, p: Values, q: Values, C: Values) -> Values:
        """The r that minimises a·C_A^−p + b·C_E^−q with C_A = C/(1+r), C_E = C·r/(1+r).

        Root of r^(q+1)·(1+r)^(p−q) = (b·q/(a·p))·C^(p−q), whose left side rises with r.
        """
        right = np.log(np.divide(b * q, a * p)) + (p - q) * np.log(C)
        return find_root(lambda r: (q + 1) * np.log(r) + (p - q) * np.log1p(r) - right, *RATIO_RANGE, like=right)
