"""Li et al. 2026 (arXiv 2603.10379): how to split FLOPs between experts and attention."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from optimoe.arch.count import active_share
from optimoe.arch.flops import expert_attention_ratio, train_flops_per_token
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, require
from optimoe.core.outputs import Domains
from optimoe.laws.law import Decision, Law, output, signed
from optimoe.laws.terms.optimum import find_root
from optimoe.laws.terms.ratio import CONTEXT_TOKENS, best_ratio, ratio_exponent, ratio_factor

ACTIVE_EXPERTS = 3
"""One shared and two routed experts in every run (Table 2): what E counts as active where nothing else is said."""
PRINTED_EXPERTS = (17, 65, 129)
"""Expert counts, the shared one included, whose sparsity the paper prints (App. D)."""
RATIO_RANGE = (1e-12, 1e12)
"""Where the best ratio is looked for: all that a design could have, with room."""
EXPERTS_OF = {"S": "E", "S1": "E1", "S2": "E2"}
"""The expert count, shared ones included, that a sparsity follows from."""
COUNTS = ("E", "E_active", "k", "n_shared")
"""What stands for S."""


class ExpertAttention(Law):
    """Best ratio of expert to attention FLOPs, r* = α_r·C^β_r (eq. 1, Sec. 3.2 and 3.3).

    α_r = α0·(1−S)^α1, β_r = β0·(1−S)^β1; 1 − S the share of a layer's experts that a token uses, shared ones
    counted in both: (k + n_shared)/E with the paper's E, which counts them. Outputs of S take ``E`` in its place,
    with ``E_active`` or ``k`` and ``n_shared``; without, the paper's 3. C total training FLOPs
    (the text says per token in places: then r* would leave the swept 0.2 to 1.5). r is a ratio, not a share.
    App. B.3 replaces measured minima by neighbours where r* would fall with C, so that growth is partly built
    in; one team, no seeds. The closed form of App. A (eq. 4) is wrong: ``foc_r`` is the right condition.
    """

    family = "li-rstar"
    signs = signed(positive="alpha0 beta0")
    domain: ClassVar[Domains] = {"n_shared": "nonnegative", "S": "share", "S1": "share", "S2": "share"}
    searched: ClassVar[Mapping[str, tuple[float, float]]] = {"foc_r": RATIO_RANGE}

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """S of the design's own active share, its own r, and C = 3 forward passes over sequences of 4096 tokens.

        Logits are in C, as in App. C.

        Raises:
            ConfigError: The model is dense.
        """
        moe = arch.moe
        if moe is None:
            raise ConfigError(f"law {self.row.name}: must be asked about a MoE, got a dense model")
        return {
            "E": moe.num_experts + moe.num_shared_experts,
            "E_active": moe.top_k + moe.num_shared_experts,
            "S": 1 - active_share(arch),
            "C": train_flops_per_token(arch, CONTEXT_TOKENS) * tokens,
            "r": expert_attention_ratio(arch, CONTEXT_TOKENS),
        }

    def complete(self, symbol: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """S from E and the active experts among them; these from k and n_shared.

        Raises:
            ConfigError: S is given beside E, or k without n_shared.
        """
        known = self._inputs(symbol)
        if not known.keys() & {"E_active", *EXPERTS_OF}:
            return dict(inputs)
        stated, active = _with_active(inputs), {}
        for sparse, experts in EXPERTS_OF.items():
            if sparse in known and experts in stated:
                require(sparse not in stated, sparse, f"left out where {experts} is given", stated.get(sparse))
                active = {"E_active": stated["E_active"]} if "E_active" in stated else {}
                stated[sparse] = self.sparsity(stated.pop(experts), **active)
        return {name: value for name, value in stated.items() if name not in active}

    def placed_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs, and 1 − S, whose decades mean something; none where the counts do not give it."""
        counts = {name: inputs[name] for name in COUNTS if name in inputs}
        known = "E" in counts and ("k" in counts) == ("n_shared" in counts)
        derived = self.complete("alpha_r", counts) if known else {}
        sparse = inputs.get("S", derived.get("S"))
        return dict(inputs) | ({} if sparse is None else {"1-S": np.subtract(1.0, sparse)})

    @output("S")
    def sparsity(self, E: Values, E_active: Values = ACTIVE_EXPERTS) -> Values:
        """Sparsity as the paper counts it, S = (E − E_active)/E, shared experts in both."""
        require(np.all(np.asarray(E) >= E_active), "E", f"at least {E_active}", E)
        return np.subtract(E, E_active) / E

    @output("alpha_r")
    def factor(self, S: Values) -> Values:
        """Factor of the power law, α_r = α0·(1−S)^α1."""
        return ratio_factor(np.subtract(1.0, S), self.coefficients["alpha0"], self.coefficients["alpha1"])

    @output("beta_r")
    def exponent(self, S: Values) -> Values:
        """Exponent of the power law, β_r = β0·(1−S)^β1."""
        return ratio_exponent(np.subtract(1.0, S), self.coefficients["beta0"], self.coefficients["beta1"])

    @output("r_star")
    def best_ratio(self, S: Values, C: Values) -> Values:
        """Best ratio of expert to attention FLOPs at a budget, r* = α_r·C^β_r."""
        return best_ratio(C, np.subtract(1.0, S), **self.coefficients)

    @output("C_at_r")
    def compute_at_ratio(self, S: Values, r: Values) -> Values:
        """Budget at which r is the best ratio."""
        return np.power(r / self.factor(S), 1 / self.exponent(S))

    @output("C_crossing")
    def crossing(self, S1: Values, S2: Values) -> Values:
        """Budget at which the curves of two sparsities meet; their order is reversed below it."""
        require(np.all(np.not_equal(S1, S2)), "S2", "another sparsity than S1", S2)
        return np.power(self.factor(S2) / self.factor(S1), 1 / (self.exponent(S1) - self.exponent(S2)))

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

    def decide(self, train_flops: float) -> Decision:
        """The best ratio at the sparsities of the paper's runs: it has none without one."""
        answers = {
            f"expert_attention_ratio_at_{ACTIVE_EXPERTS}_of_{experts}": float(
                self.best_ratio(self.sparsity(experts), train_flops)
            )
            for experts in PRINTED_EXPERTS
        }
        return Decision(answers=answers, at={"C": train_flops})


def _with_active(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the routed and shared experts of a token as one number."""
    stated = dict(inputs)
    routed, shared = stated.pop("k", None), stated.pop("n_shared", None)
    require((routed is None) == (shared is None), "k", "given together with n_shared", routed)
    if routed is not None:
        require("E_active" not in stated, "E_active", "left out where k is given", stated.get("E_active"))
        stated["E_active"] = routed + shared
    return stated
