"""Two powers and a floor: Chinchilla's form (also Besiroglu's, Sardana's, Krajewski's dense row); one exponent."""

from typing import ClassVar

import numpy as np
from scipy.special import huber

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.datasets import load_chinchilla_runs
from optimoe.laws.law import FLOOR, POSITIVE, Decision, FitForm, output
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.optimum import compute_for_loss, compute_for_params, optimal_params
from optimoe.laws.terms.sizes import SIZES


class Chinchilla(LossLaw):
    """L = E + A/N^α + B/D^β; N parameters by ``n_convention``, D tokens, C = 6ND (Hoffmann 2022, eq. 2).

    ``total``: all parameters with embeddings (Hoffmann, Besiroglu, Sardana). ``nonembedding``: without them
    (Krajewski's dense row, whose a, b, c are here A, B, E). The compute optimum is closed: N = G·(C/6)^a,
    D = (C/6)^b/G with a = β/(α+β), b = α/(α+β), G = (αA/(βB))^(1/(α+β)).
    Falls in N and D for positive coefficients.
    """

    family = "chinchilla"
    sizes = SIZES
    free: ClassVar[tuple[str, ...]] = ("E", "A", "B", "alpha", "beta")
    linear = ("E", "A", "B")
    fit_form = FitForm(
        grid=dict.fromkeys(("alpha", "beta"), (0.1, 0.3, 0.6, 1.0, 1.5)),
        bounds={"E": FLOOR, "A": POSITIVE, "B": POSITIVE, "alpha": (0.0, 3.0), "beta": (0.0, 3.0)},
    )

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: what ``n_convention`` says."""
        return {"N": self.size(arch)}

    def curve(self, N: Values) -> TokenCurve:
        """Floor E + A/N^α, scale B, exponent −β."""
        A, alpha, B, beta = self._powers()
        floor = self.coefficients["E"] + A * np.power(N, -alpha, dtype=float)
        return TokenCurve(floor=floor, scale=B, exponent=-beta)

    def applies_to(self, arch: ArchSpec) -> bool:
        """A Chinchilla law describes dense models, and no others."""
        return arch.moe is None

    def concerns(self, arch: ArchSpec) -> tuple[str, ...]:
        """Experts are a concern: the runs were dense models only."""
        return ("routed experts (a dense law)",) if arch.moe else ()

    @output("L")
    def loss(self, N: Values, D: Values) -> Values:
        """Loss in nats per token at N parameters and D tokens."""
        return self.curve(N=N).loss(D)

    def gradient(self, N: Values, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size, data = np.power(N, -c["alpha"], dtype=float), np.power(D, -c["beta"], dtype=float)
        return {
            "E": np.ones_like(size),
            "A": size,
            "B": data,
            "alpha": -c["A"] * np.log(N) * size,
            "beta": -c["B"] * np.log(D) * data,
        }

    @output("a")
    def params_exponent(self) -> Values:
        """N_opt ∝ C^a, a = β/(α+β)."""
        _, alpha, _, beta = self._powers()
        return beta / (alpha + beta)

    @output("b")
    def tokens_exponent(self) -> Values:
        """D_opt ∝ C^b, b = α/(α+β)."""
        return 1 - self.params_exponent()

    @output("G")
    def optimum_factor(self) -> Values:
        """G = (αA/(βB))^(1/(α+β)): N_opt at C = 6."""
        return self.optimal_params(TRAIN_FLOPS_PER_PARAM_TOKEN)

    @output("N_opt")
    def optimal_params(self, C: Values) -> Values:
        """Compute-optimal parameters at C FLOPs."""
        return optimal_params(*self._powers(), C)

    @output("D_opt")
    def optimal_tokens(self, C: Values) -> Values:
        """Compute-optimal tokens at C FLOPs."""
        return C / TRAIN_FLOPS_PER_PARAM_TOKEN / self.optimal_params(C)

    @output("L_opt")
    def optimal_loss(self, C: Values) -> Values:
        """Least loss at C FLOPs."""
        return self.loss(self.optimal_params(C), self.optimal_tokens(C))

    @output("C_for_L")
    def compute_for_loss(self, L: Values) -> Values:
        """Least FLOPs that reach a loss; infinite at or below E."""
        return compute_for_loss(*self._powers(), np.subtract(L, self.coefficients["E"]))

    @output("C_for_N")
    def compute_for_params(self, N: Values) -> Values:
        """The budget at which N parameters are compute-optimal."""
        return compute_for_params(*self._powers(), N)

    @output("D_for_N")
    def tokens_for_params(self, N: Values) -> Values:
        """The tokens with which N parameters are compute-optimal."""
        return self.compute_for_params(N) / (TRAIN_FLOPS_PER_PARAM_TOKEN * N)

    @output("huber_objective")
    def huber_objective(self, delta: float) -> float:
        """Σ Huber_δ(ln L_law − ln L) over the 240 Chinchilla runs, the objective of Besiroglu 2024."""
        runs = load_chinchilla_runs()
        residual = np.log(self.loss(runs.params, runs.tokens)) - np.log(runs.loss)
        return float(huber(delta, residual).sum())

    def decide(self, train_flops: float) -> Decision:
        """The compute optimum answers how many tokens a parameter of a dense model is worth."""
        params, tokens = float(self.optimal_params(train_flops)), float(self.optimal_tokens(train_flops))
        ratio = tokens / params
        return Decision(
            answers={"tokens_per_param_dense": ratio}, at={"N": params, "D": tokens, "D_over_N": ratio}
        )

    def _powers(self) -> tuple[Values, Values, Values, Values]:
        c = self.coefficients
        return c["A"], c["alpha"], c["B"], c["beta"]


class Tied(Chinchilla):
    """L = E + A/N^η + B/D^η: Chinchilla's form with α = β (Gadre 2024, arXiv 2403.08540, eq. 4).

    The paper writes it in compute C = 6ND and tokens per parameter M = D/N, at any fixed M a power of C with
    the same exponent: L = E + (a·M^h + b·M^−h)·C^−h, h = η/2, a = A·6^h, b = B·6^h. The best M is
    (B/A)^(1/η) at every budget. One exponent less than Chinchilla's, so that few runs that are far
    over-trained fix it better (``benchmarks/tied_exponents.py``).
    """

    family = "tied"
    free = ("E", "A", "B", "eta")
    linear = ("E", "A", "B")
    fit_form = FitForm(
        grid={"eta": (0.1, 0.3, 0.6, 1.0, 1.5)},
        bounds={"E": FLOOR, "A": POSITIVE, "B": POSITIVE, "eta": (0.0, 3.0)},
    )

    def gradient(self, N: Values, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        A, eta, B, _ = self._powers()
        size, data = np.power(N, -eta, dtype=float), np.power(D, -eta, dtype=float)
        slope = -A * np.log(N) * size - B * np.log(D) * data
        return {"E": np.ones_like(size), "A": size, "B": data, "eta": slope}

    @output("L_CM")
    def loss_at(self, C: Values, M: Values) -> Values:
        """Loss at C FLOPs and M tokens per parameter, by the paper's own form."""
        h = self.compute_exponent()
        ratio = np.power(M, h, dtype=float)
        shape = self.size_factor() * ratio + self.data_factor() / ratio
        return self.coefficients["E"] + shape * np.power(C, -h, dtype=float)

    @output("h")
    def compute_exponent(self) -> Values:
        """Exponent of C, h = η/2 (the paper's η)."""
        return self.coefficients["eta"] / 2

    @output("a_CM")
    def size_factor(self) -> Values:
        """The paper's a, A·6^h."""
        return self.coefficients["A"] * np.power(float(TRAIN_FLOPS_PER_PARAM_TOKEN), self.compute_exponent())

    @output("b_CM")
    def data_factor(self) -> Values:
        """The paper's b, B·6^h."""
        return self.coefficients["B"] * np.power(float(TRAIN_FLOPS_PER_PARAM_TOKEN), self.compute_exponent())

    @output("M_opt")
    def optimal_ratio(self) -> Values:
        """Compute-optimal tokens per parameter, (B/A)^(1/η), whatever the budget."""
        c = self.coefficients
        return np.power(c["B"] / c["A"], 1 / c["eta"])

    def _powers(self) -> tuple[Values, Values, Values, Values]:
        c = self.coefficients
        return c["A"], c["eta"], c["B"], c["eta"]
