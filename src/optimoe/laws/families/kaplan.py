"""Kaplan et al. 2020 (arXiv 2001.08361): dense losses without a floor. C in PF-days (8.64e19 FLOP)."""

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.datasets import load_routing_points
from optimoe.laws.law import Law, output, signed
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.terms.sizes import SIZES

PF_DAY = 8.64e19
"""FLOPs of a petaflop/s-day: 1e15 · 86,400."""


def power(constant: Values, value: Values, exponent: Values) -> Values:
    """Power law of Kaplan's normalisation, (X_c/X)^α: 1 at X = X_c."""
    return np.power(np.divide(constant, value), exponent)


class DenseLaw(ArchLaw):
    """A loss of dense models; N without embeddings (Kaplan by his definition, Clark as his runs count)."""

    sizes, own_size = SIZES, "nonembedding"
    usual_models = "dense"

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """The design's N counts all parameters but the embeddings."""
        return {"N": self.size(arch)}


class PowerOfParams(DenseLaw):
    """L = (N_c/N)^α_N: Kaplan 2020, eq. 1.1, enough data; Clark 2022 (arXiv 2202.01169), after 130B tokens.

    Clark prints α_N = 0.078, which is 0.0786 truncated: too high a loss below N_c, by 1.3 % at 1e9.
    """

    family = "power"
    free = ("alpha_N", "N_c")
    signs = signed(positive=" ".join(free))

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss whatever the tokens: with enough data (Kaplan), or after 130B tokens (Clark)."""
        self.require_usable()
        known = np.where(self.require_applicable(arch), 1.0, np.nan)
        return self.loss(**self.variables(arch)) * known * np.ones_like(tokens, dtype=float)

    @output("L")
    def loss(self, N: Values) -> Values:
        """Loss in nats per token at N parameters."""
        return power(self.coefficients["N_c"], N, self.coefficients["alpha_N"])

    def gradient(self, N: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, loss = self.coefficients, self.loss(N)
        return {"alpha_N": loss * np.log(c["N_c"] / N), "N_c": loss * c["alpha_N"] / c["N_c"]}

    @output("refit_alpha_N")
    def refit_exponent(self) -> float:
        """α_N of a least-squares line of log L on log N through the row's data set (six dense sizes)."""
        return -float(self._line()[0])

    @output("refit_N_c")
    def refit_constant(self) -> float:
        """N_c of that line: where it crosses L = 1."""
        slope, intercept = self._line()
        return float(10 ** (-intercept / slope))

    def _line(self) -> np.ndarray:
        points = load_routing_points("Dense")
        return np.polyfit(np.log10(points.params), points.log10_loss, 1)


class PowerOfTokens(Law):
    """L = (D_c/D)^α_D: Kaplan 2020, eq. 1.2, models large enough, stopped early."""

    family = "power-tokens"
    free = ("alpha_D", "D_c")
    signs = signed(positive=" ".join(free))

    @output("L")
    def loss(self, D: Values) -> Values:
        """Loss in nats per token after D tokens."""
        return power(self.coefficients["D_c"], D, self.coefficients["alpha_D"])

    def gradient(self, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, loss = self.coefficients, self.loss(D)
        return {"alpha_D": loss * np.log(c["D_c"] / D), "D_c": loss * c["alpha_D"] / c["D_c"]}

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is D: the size does not count."""
        return {"D": tokens}


class PowerOfCompute(Law):
    """L = (C_c/C)^α_C: Kaplan 2020, Table 5, at the best size; C in PF-days.

    Two readings: at a fixed batch, and C_min at batches far below the critical one. Eq. 6.4 prints 0.054 for
    the exponent of C_min, App. B 0.052, Table 5 0.050.
    """

    family = "power-compute"
    free = ("alpha_C", "C_c")
    signs = signed(positive=" ".join(free))

    @output("L")
    def loss(self, C_pfdays: Values) -> Values:
        """Loss in nats per token at C PF-days."""
        return power(self.coefficients["C_c"], C_pfdays, self.coefficients["alpha_C"])

    def gradient(self, C_pfdays: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, loss = self.coefficients, self.loss(C_pfdays)
        return {"alpha_C": loss * np.log(c["C_c"] / C_pfdays), "C_c": loss * c["alpha_C"] / c["C_c"]}

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The only input is C = 6·N·D in PF-days, N without embeddings."""
        params = count_params(arch).nonembedding
        return {"C_pfdays": TRAIN_FLOPS_PER_PARAM_TOKEN * params * tokens / PF_DAY}


class Kaplan(DenseLaw):
    """L = [(N_c/N)^(α_N/α_D) + D_c/D]^α_D (eq. 1.5): no floor, and no separation into size and data.

    Falls in N and D. Fitted with few small models at a fixed schedule: its optimum takes too large a model on
    too few tokens (Hoffmann 2022).
    """

    family = "kaplan"
    free = ("alpha_N", "alpha_D", "N_c", "D_c")
    signs = signed(positive=" ".join(free))

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token of a dense design after so many tokens."""
        self.require_usable()
        known = np.where(self.require_applicable(arch), 1.0, np.nan)
        return self.loss(**self.variables(arch), D=tokens) * known

    @output("L")
    def loss(self, N: Values, D: Values) -> Values:
        """Loss in nats per token at N parameters and D tokens."""
        c = self.coefficients
        size = power(c["N_c"], N, c["alpha_N"] / c["alpha_D"])
        return np.power(size + np.divide(c["D_c"], D), c["alpha_D"])

    def gradient(self, N: Values, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, loss = self.coefficients, self.loss(N, D)
        ratio = c["alpha_N"] / c["alpha_D"]
        size, data = power(c["N_c"], N, ratio), np.divide(c["D_c"], D)
        outer = loss / (size + data)
        pull = outer * size * np.log(c["N_c"] / N)
        return {
            "alpha_N": pull,
            "alpha_D": loss * np.log(size + data) - ratio * pull,
            "N_c": outer * size * c["alpha_N"] / c["N_c"],
            "D_c": outer * c["alpha_D"] / D,
        }

    @output("tokens_per_params_exponent")
    def tokens_per_params_exponent(self) -> Values:
        """Data must grow as N^(α_N/α_D) to keep overfitting constant."""
        return self.coefficients["alpha_N"] / self.coefficients["alpha_D"]

    @output("data_growth")
    def data_growth(self, params_growth: Values) -> Values:
        """Factor on data for a factor on size."""
        return np.power(params_growth, self.tokens_per_params_exponent())


class KaplanSteps(Law):
    """L = (N_c/N)^α_N + (S_c/S)^α_S with S the minimum steps (eq. 1.6); B_crit = B_*·L^(−1/α_B) (eq. 5.3).

    Falls in N and S.
    """

    family = "kaplan-steps"
    free = ("alpha_N", "alpha_S", "N_c", "S_c")
    signs = signed(positive=" ".join((*free, "B_star", "alpha_B")))

    @output("L")
    def loss(self, N: Values, S: Values) -> Values:
        """Loss in nats per token at N parameters after S minimum steps."""
        c = self.coefficients
        return power(c["N_c"], N, c["alpha_N"]) + power(c["S_c"], S, c["alpha_S"])

    def gradient(self, N: Values, S: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size, steps = power(c["N_c"], N, c["alpha_N"]), power(c["S_c"], S, c["alpha_S"])
        return {
            "alpha_N": size * np.log(c["N_c"] / N),
            "alpha_S": steps * np.log(c["S_c"] / S),
            "N_c": size * c["alpha_N"] / c["N_c"],
            "S_c": steps * c["alpha_S"] / c["S_c"],
        }

    @output("B_crit")
    def critical_batch(self, L: Values) -> Values:
        """Batch in tokens at which time and compute trade off evenly."""
        return self.coefficients["B_star"] * np.power(L, -1 / self.coefficients["alpha_B"])

    @output("alpha_C_min")
    def compute_exponent(self) -> Values:
        """Exponent of the loss in compute, 1/(1/α_S + 1/α_B + 1/α_N)."""
        c = self.coefficients
        return 1 / (1 / c["alpha_S"] + 1 / c["alpha_B"] + 1 / c["alpha_N"])

    @output("params_ratio")
    def params_ratio(self, excess: Values, excess_reference: Values) -> Values:
        """Size when stopping ``excess`` above the converged loss, over that of ``excess_reference``."""
        return np.power((1 + excess) / (1 + excess_reference), 1 / self.coefficients["alpha_N"])

    @output("steps_ratio")
    def steps_ratio(self, excess: Values, excess_reference: Values) -> Values:
        """Steps when stopping ``excess`` above the converged loss, over those of ``excess_reference``."""
        return np.power((1 + 1 / excess) / (1 + 1 / excess_reference), 1 / self.coefficients["alpha_S"])

    @output("compute_saving")
    def compute_saving(self, excess: Values, excess_reference: Values) -> Values:
        """Share of compute saved by the larger model stopped earlier."""
        return 1 - self.params_ratio(excess, excess_reference) * self.steps_ratio(excess, excess_reference)
