"""How to split compute between size and data, as powers of the budget: what is best at each, and its loss."""

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError
from optimoe.laws.families.kaplan import PF_DAY
from optimoe.laws.law import Decision, Law, output, signed
from optimoe.laws.rules.leverage import nonembedding_train_flops


class Allocation(Law):
    """M = m0·C^m1 and D = d0·C^d1, C = M·D (Tian 2025, Table 1; Wan 2026, arXiv 2603.21862; DeepSeek 2024).

    M training FLOPs per token without embeddings, D tokens, C in plain FLOPs. Wan's architecture maps were
    not found.
    """

    family = "allocation"
    signs = signed(positive="m0 d0")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is the training compute C = M·D."""
        return {"C": nonembedding_train_flops(arch) * tokens}

    @output("M_opt")
    def optimal_flops_per_token(self, C: Values) -> Values:
        """Compute-optimal training FLOPs per token, M = m0·C^m1."""
        return self.coefficients["m0"] * np.power(C, self.coefficients["m1"], dtype=float)

    @output("D_opt")
    def optimal_tokens(self, C: Values) -> Values:
        """Compute-optimal tokens at C FLOPs, D = d0·C^d1."""
        return self.coefficients["d0"] * np.power(C, self.coefficients["d1"], dtype=float)

    @output("closure")
    def closure(self, C: Values) -> Values:
        """M·D/C, which should be 1."""
        return self.optimal_flops_per_token(C) * self.optimal_tokens(C) / C

    def decide(self, train_flops: float) -> Decision:
        """Tokens per parameter at the optimum: D over M/6, the parameters that M stands for."""
        params = self.optimal_flops_per_token(train_flops) / TRAIN_FLOPS_PER_PARAM_TOKEN
        ratio = float(self.optimal_tokens(train_flops) / params)
        dense = self.row.range.get("E") == (1, 1)
        question = "tokens_per_param_dense" if dense else "tokens_per_param"
        return Decision(answers={question: ratio}, at={"C": train_flops})


class AllocationExponents(Law):
    """N_opt ∝ C^α_N, D_opt ∝ C^α_D (Wang 2024, DeepSeek 2024 by data set); the prefactors are not known.

    Of the loss they fix no more than the ratio of its exponents: β/α = α_N/α_D.
    """

    family = "exponents"

    @output("N_growth_per_decade")
    def params_growth(self) -> Values:
        """Factor on N for ten times the compute."""
        return np.power(10.0, self.coefficients["alpha_N"])

    @output("D_growth_per_decade")
    def tokens_growth(self) -> Values:
        """Factor on D for ten times the compute."""
        return np.power(10.0, self.coefficients["alpha_D"])


class KaplanFrontier(Law):
    """X_opt = X_e·C^p_X, C in PF-days (Kaplan 2020, arXiv 2001.08361, Table 6); N without embeddings.

    Its sizes grow too fast with compute (Hoffmann 2022). Eq. 6.7 prints twice the D of Table 6.
    """

    family = "kaplan-frontier"
    signs = signed(positive="N_e B_e S_e D_e")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is C = 6·N·D in PF-days, N without embeddings."""
        params = count_params(arch).active_nonembedding
        return {"C_pfdays": TRAIN_FLOPS_PER_PARAM_TOKEN * params * tokens / PF_DAY}

    @output("N_opt")
    def optimal_params(self, C_pfdays: Values) -> Values:
        """Compute-optimal parameters without embeddings at C PF-days."""
        return self._power("N", C_pfdays)

    @output("B_opt")
    def optimal_batch(self, C_pfdays: Values) -> Values:
        """Batch in tokens on the frontier at C PF-days."""
        return self._power("B", C_pfdays)

    @output("S_opt")
    def optimal_steps(self, C_pfdays: Values) -> Values:
        """Minimum number of steps on the frontier at C PF-days."""
        return self._power("S", C_pfdays)

    @output("D_opt")
    def optimal_tokens(self, C_pfdays: Values) -> Values:
        """Compute-optimal tokens at C PF-days."""
        return self._power("D", C_pfdays)

    def decide(self, train_flops: float) -> Decision:
        """Tokens per parameter of a dense model on the frontier."""
        params = float(self.optimal_params(train_flops / PF_DAY))
        tokens = float(self.optimal_tokens(train_flops / PF_DAY))
        return Decision(answers={"tokens_per_param_dense": tokens / params}, at={"N": params, "D": tokens})

    def _power(self, symbol: str, compute: Values) -> Values:
        c = self.coefficients
        return c[f"{symbol}_e"] * np.power(compute, c[f"p_{symbol}"], dtype=float)


class PrintedFrontier(Law):
    """X_opt = X0·C^x and L_opt = E + A·C^−α: the frontier of one architecture as its authors print it.

    Each output has coefficients of its own, and a row gives those that are printed: ``N0, N1`` active parameters
    without embeddings, ``D0, D1`` tokens, ``d0, d1`` width, ``E, A, alpha`` loss, ``E_bpb, A_bpb, alpha_bpb`` bits
    per byte. C = 6·N·D, plain FLOPs without the output matrix. A frontier says nothing of other architectures, and
    nothing of a design off its optimum.
    """

    family = "frontier"
    signs = signed(positive="N0 D0 d0 d1 A A_bpb", zero_or_more="E E_bpb alpha alpha_bpb")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """A frontier is asked about budgets.

        Raises:
            ConfigError: Always, with the way to ask.
        """
        raise ConfigError(f"law {self.row.name}: a frontier of budgets, not of designs: set C (laws predict)")

    @output("N_opt")
    def optimal_params(self, C: Values) -> Values:
        """Compute-optimal active parameters without embeddings at C FLOPs."""
        return self._power("N0", "N1", C)

    @output("D_opt")
    def optimal_tokens(self, C: Values) -> Values:
        """Compute-optimal tokens at C FLOPs."""
        return self._power("D0", "D1", C)

    @output("d_opt")
    def optimal_width(self, C: Values) -> Values:
        """Compute-optimal width d_model at C FLOPs."""
        return self._power("d0", "d1", C)

    @output("C_for_d")
    def compute_for_width(self, d_model: Values) -> Values:
        """The budget at which a width is optimal."""
        return np.power(np.divide(d_model, self.coefficients["d0"]), 1 / self.coefficients["d1"])

    @output("L_opt")
    def optimal_loss(self, C: Values) -> Values:
        """Least loss at C FLOPs, nats per token."""
        c = self.coefficients
        return c["E"] + c["A"] * np.power(C, -c["alpha"], dtype=float)

    @output("bits_per_byte_opt")
    def optimal_bits_per_byte(self, C: Values) -> Values:
        """Least bits per byte at C FLOPs."""
        c = self.coefficients
        return c["E_bpb"] + c["A_bpb"] * np.power(C, -c["alpha_bpb"], dtype=float)

    @output("closure")
    def closure(self, C: Values) -> Values:
        """6·N·D/C, which should be 1."""
        return TRAIN_FLOPS_PER_PARAM_TOKEN * self.optimal_params(C) * self.optimal_tokens(C) / C

    def decide(self, train_flops: float) -> Decision:
        """Tokens per active parameter (without embeddings) of a MoE on the frontier, where both are printed."""
        if not {"N0", "D0"} <= self.coefficients.keys():
            return Decision()
        ratio = float(self.optimal_tokens(train_flops) / self.optimal_params(train_flops))
        return Decision(answers={"tokens_per_param": ratio}, at={"C": train_flops})

    def _power(self, factor: str, exponent: str, C: Values) -> Values:
        return self.coefficients[factor] * np.power(C, self.coefficients[exponent], dtype=float)
