"""Learning rates and batches: Ludziejewski's and Kaplan's peak rates, Step-Law, Marin's rules, a cooldown."""

import numpy as np

from optimoe.arch.design import one_expert_twin
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError
from optimoe.laws.law import Law, output, signed
from optimoe.laws.terms.designs import num_experts
from optimoe.laws.terms.schedules import cooldown_rate


class JointPeakRate(Law):
    """Peak learning rate of Ludziejewski 2025 (eq. 8): exp(c0 + c_N·ln N_act∖emb + c_E·ln E)."""

    family = "lr-rule"

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """Active parameters without embeddings, and routed experts per layer."""
        return {"N_act_nonembedding": count_params(arch).active_nonembedding, "E": num_experts(arch)}

    @output("lr")
    def peak_rate(self, N_act_nonembedding: Values, E: Values) -> Values:
        """Peak learning rate from active non-embedding parameters and experts."""
        c = self.coefficients
        return np.exp(c["c0"] + c["c_N"] * np.log(N_act_nonembedding) + c["c_E"] * np.log(E))


class LogRate(Law):
    """Learning rate lr0 + lr1·ln N, N without embeddings: Kaplan's rule (App. D.6), used by Yun 2024.

    Negative above N = exp(−lr0/lr1) = 1.2e10, where it means nothing.
    """

    family = "lr-log"

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """N: the dense model whose FFN is one expert, without embeddings."""
        return {"N": count_params(one_expert_twin(arch)).nonembedding}

    @output("lr")
    def peak_rate(self, N: Values) -> Values:
        """Peak learning rate at N parameters without embeddings."""
        return self.coefficients["lr0"] + self.coefficients["lr1"] * np.log(N)


class StepLaw(Law):
    """Peak learning rate lr0·N^lr_N·D^lr_D and batch batch0·D^batch_D (Li 2025, arXiv 2503.04715, Step-Law).

    N parameters without embeddings, D tokens, batch in tokens. AdamW, 2,000 warm-up steps, cosine to a fixed last
    rate of 1e-5: with another schedule the positive exponent of D is not known to hold. The paper says that the
    rule holds for MoEs too; whether its N is then total or active could not be confirmed, so that only dense
    models are read.
    """

    family = "step-law"
    signs = signed(positive="lr0 batch0")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """N all parameters of a dense model without embeddings; D.

        Raises:
            ConfigError: The model has experts.
        """
        if arch.moe is not None:
            raise ConfigError(f"law {self.row.name}: must be a dense model (N of a MoE: unknown)")
        return {"N": count_params(arch).nonembedding, "D": tokens}

    @output("lr")
    def peak_rate(self, N: Values, D: Values) -> Values:
        """Best peak learning rate for N parameters on D tokens."""
        c = self.coefficients
        return c["lr0"] * np.power(N, c["lr_N"], dtype=float) * np.power(D, c["lr_D"], dtype=float)

    @output("batch_tokens")
    def batch_tokens(self, D: Values) -> Values:
        """Best batch in tokens for D training tokens, whatever the size."""
        return self.coefficients["batch0"] * np.power(D, self.coefficients["batch_D"], dtype=float)


class RateAtBatch(Law):
    """Peak learning rate lr0·D^lr_D·d_model^lr_d·√(batch/unit) (Marin's recipes); D and batch in tokens.

    ``unit`` is what the authors count a batch in: 4,096 tokens a sequence, or single tokens. The rate is that of
    the parameters under Adam; matrices under AdamH or MuonH take ``matrix_ratio`` times as much: the printed rates
    of those follow from the rule with it, and do not without.
    """

    family = "rate-at-batch"
    signs = signed(positive="lr0 unit matrix_ratio")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The rule needs the batch, which no architecture states.

        Raises:
            ConfigError: Always, with the way to ask.
        """
        raise ConfigError(f"law {self.row.name}: needs the batch too: set batch_tokens (laws predict)")

    @output("lr")
    def peak_rate(self, D: Values, d_model: Values, batch_tokens: Values) -> Values:
        """Peak learning rate of the parameters under Adam."""
        c = self.coefficients
        batch = np.sqrt(np.divide(batch_tokens, c["unit"]))
        return c["lr0"] * np.power(D, c["lr_D"], dtype=float) * np.power(d_model, c["lr_d"], dtype=float) * batch

    @output("lr_matrix")
    def matrix_rate(self, D: Values, d_model: Values, batch_tokens: Values) -> Values:
        """Peak learning rate of the matrices under AdamH or MuonH."""
        return self.coefficients["matrix_ratio"] * self.peak_rate(D, d_model, batch_tokens)


class Cooldown(Law):
    """Constant rate with a cooldown over the last share of the tokens (Hägele 2024, arXiv 2405.18392).

    The rate falls as 1 − √t over the cooldown's progress t, which the paper finds better than 1 − t; about as good
    as a cosine of the same length, and any longer run can start from the constant part.
    """

    family = "cooldown"
    signs = signed(positive="share")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is D: the design does not count."""
        return {"D": tokens}

    @output("cooldown_tokens")
    def cooldown_tokens(self, D: Values) -> Values:
        """Tokens of the cooldown in a run of D tokens."""
        return self.coefficients["share"] * D

    @output("rate")
    def rate(self, progress: Values) -> Values:
        """Learning rate over its peak at a progress from 0 to 1 through the cooldown, 1 − √t."""
        return cooldown_rate(progress, "one_minus_sqrt")
