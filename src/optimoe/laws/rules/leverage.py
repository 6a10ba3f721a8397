"""Tian et al. 2025 (Ling team, arXiv 2507.17702): how much dense compute a MoE saves, and its recipe."""

import numpy as np

from optimoe.arch.count import active_share, granularity
from optimoe.arch.flops import TRAIN_PASSES, prefill_flops
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError
from optimoe.laws.law import Decision, Law, output, signed
from optimoe.laws.terms.designs import EXPERT_CHOICES, EXPERTS_SEARCHED
from optimoe.laws.terms.saturation import saturated_experts

CONTEXT_TOKENS = 4096
"""Of the paper's training sequences."""
FFN_MATRICES = 3


def nonembedding_train_flops(arch: ArchSpec) -> Values:
    """M: training FLOPs per token without embedding and logits, on sequences of 4096 tokens.

    The paper's text says one forward pass, but its C = M·D is training compute: three passes.
    """
    flops = prefill_flops(arch, CONTEXT_TOKENS)
    return TRAIN_PASSES["none"] * (flops.total - flops.unembedding)


class Leverage(Law):
    """EL(A, G, C) = Â^(a + d·log10 C + γ·(log2 G)² + β·log2 G) (eq. 13): C_dense/C_moe at equal loss.

    A = (E_a + E_s)/(E + E_s) activation ratio, G = 2·d/d_expert, C training FLOPs of the MoE;
    1/Â = 1/(A + (1/A_start − 1/A_max)^−1) + 1/A_max. Bases are not printed: log10 and log2 are the only pair
    that gives the published statements. At A = 1 it gives 0.990 to 0.996, not 1. Fitted on EL < 6.
    """

    family = "tian"
    signs = signed(positive="A_start A_max")
    searched = EXPERTS_SEARCHED

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """A with shared experts on both sides, G in Ling's convention, C = M·D.

        Raises:
            ConfigError: The model is dense.
        """
        if arch.moe is None:
            raise ConfigError(f"law {self.row.name}: must be asked about a MoE, got a dense model")
        return {
            "A": active_share(arch),
            "G": granularity(arch)["ling"],
            "C": nonembedding_train_flops(arch) * tokens,
        }

    @output("A_hat")
    def saturated_ratio(self, A: Values) -> Values:
        """Saturated activation ratio Â: :func:`saturated_experts` with A in place of E − 1."""
        return saturated_experts(A + 1, self.coefficients["A_start"], self.coefficients["A_max"])

    @output("EL")
    def leverage(self, A: Values, G: Values, C: Values) -> Values:
        """Efficiency leverage EL, dense compute over the MoE's at equal loss."""
        c = self.coefficients
        grain = np.log2(G)
        exponent = c["a"] + c["d"] * np.log10(C) + c["gamma"] * grain**2 + c["beta"] * grain
        return np.power(self.saturated_ratio(A), exponent)

    @output("G_opt")
    def optimal_granularity(self) -> Values:
        """Best granularity 2^(−β/(2γ)), in the convention 2·d/d_expert."""
        return np.exp2(-self.coefficients["beta"] / (2 * self.coefficients["gamma"]))

    @output("nonembedding_params")
    def nonembedding_params(
        self,
        n_layers: Values,
        d_model: Values,
        n_heads: Values,
        n_kv_heads: Values,
        n_dense_layers: Values,
        d_ff: Values,
        d_expert: Values,
        n_experts: Values,
    ) -> Values:
        """Attention d²(2 + 2·h_kv/h) and gated FFNs, shared experts in ``n_experts``, without the router."""
        attention = n_layers * d_model**2 * (2 + 2 * np.divide(n_kv_heads, n_heads))
        experts = (n_layers - n_dense_layers) * n_experts * d_expert
        return attention + FFN_MATRICES * d_model * (n_dense_layers * d_ff + experts)

    def decide(self, train_flops: float) -> Decision:
        """Best of 1, 2, …, 64 experts (top-1), and the best granularity in Krajewski's convention."""
        grain = float(self.optimal_granularity())
        leverage = self.leverage(1 / EXPERT_CHOICES, grain, train_flops)
        best = float(EXPERT_CHOICES[np.argmax(leverage)])
        return Decision(
            answers={"num_experts": best, "granularity": 2 * grain},
            at={"A": 1 / best, "EL": float(leverage.max())},
        )


class Hyperparameters(Law):
    """η = lr0·C^lr1, batch = batch0·C^batch1 tokens: Tian 2025 (eq. 3, at A = 7.8 %, G = 2), DeepSeek 2024."""

    family = "hyperparameters"
    signs = signed(positive="lr0 batch0")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is the training compute C = M·D."""
        return {"C": nonembedding_train_flops(arch) * tokens}

    @output("lr")
    def peak_rate(self, C: Values) -> Values:
        """Peak learning rate at C training FLOPs."""
        return self.coefficients["lr0"] * np.power(C, self.coefficients["lr1"], dtype=float)

    @output("batch_tokens")
    def batch_tokens(self, C: Values) -> Values:
        """Batch size in tokens at C training FLOPs."""
        return self.coefficients["batch0"] * np.power(C, self.coefficients["batch1"], dtype=float)
