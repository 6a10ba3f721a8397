"""Dense losses in size and tokens: Chinchilla's two powers and a floor, tied exponents, Farseer.

Chinchilla's form is also Besiroglu's, Sardana's and that of Krajewski's dense row.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from scipy.special import huber

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.datasets import load_chinchilla_runs
from optimoe.laws.domain import Domain
from optimoe.laws.law import FLOOR, POSITIVE, Decision, FitForm, Law, output
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.optimum import compute_for_loss, compute_for_params, find_minimum, optimal_params
from optimoe.laws.terms.sizes import SIZES

RATIOS = (1.0, 1e5)
"""Tokens per parameter between which an optimum without a closed form is looked for: all that was ever trained."""
EDGE = 1.0001
"""An optimum this near to an end of what was searched is the end's."""


class Chinchilla(LossLaw):
    """L = E + A/N^α + B/D^β; N parameters by ``n_convention``, D tokens, C = 6ND (Hoffmann 2022, eq. 2).

    ``total``: all parameters with embeddings (Hoffmann, Besiroglu, Sardana). ``nonembedding``: without them
    (Krajewski's dense row, whose a, b, c are here A, B, E). ``active`` and ``active_nonembedding``: what one token
    touches, in a fit to routed models; it then ranks designs of one expansion only. The compute optimum is closed:
    N = G·(C/6)^a, D = (C/6)^b/G with a = β/(α+β), b = α/(α+β), G = (αA/(βB))^(1/(α+β)).
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

    @property
    def ranks(self) -> Domain:
        """Dense models; in active parameters, or with the runs' one number of experts, also routed ones."""
        domain = self.row.domain
        one_number = domain.models == "routed" and len(set(domain.num_experts)) == 1
        return domain if one_number or self.counted.startswith("active") else replace(domain, models="dense")

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: what ``n_convention`` says."""
        return {"N": self.size(arch)}

    def curve(self, N: Values) -> TokenCurve:
        """Floor E + A/N^α, scale B, exponent −β."""
        A, alpha, B, beta = self._powers()
        floor = self.coefficients["E"] + A * np.power(N, -alpha, dtype=float)
        return TokenCurve(floor=floor, scale=B, exponent=-beta)

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
        question = "tokens_per_param_dense" if self.ranks.models == "dense" else "tokens_per_param"
        return Decision(answers={question: ratio}, at={"N": params, "D": tokens, "D_over_N": ratio})

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


class Farseer(Law):
    """L = e^U + e^B·D^(−e^A), each of U, B, A a power of N and a constant (Farseer, arXiv 2506.10972).

    U = u1·N^u2 + u3, B = b1·N^b2 + b3, A = a1·N^a2 + a3: floor, factor and exponent of the data term move with
    the size. What N counts and the unit of L are the row's; losses in bits per character are not comparable with
    nats per token, so that the law reads no architecture. Nine coefficients: 240 runs of Chinchilla do not
    identify them. Falls in D; in N as far as the powers of the row fall.
    """

    family = "farseer"
    free = ("u1", "u2", "u3", "b1", "b2", "b3", "a1", "a2", "a3")
    fit_form = FitForm(
        grid={"u1": (-0.02,), "u2": (0.1, 0.25), "u3": (-0.8, 0.7), "b1": (20.0, 60.0), "b2": (-0.06,)}
        | {"b3": (-14.0, -4.0), "a1": (-0.03,), "a2": (0.15,), "a3": (-0.2,)},
        bounds={"u1": (-10.0, 0.0), "b1": (0.1, 1e4), "a1": (-10.0, 0.0)}
        | {"u2": (0.0, 1.0), "b2": (-1.0, 0.0), "a2": (0.0, 1.0)}
        | {"u3": (-10.0, 10.0), "b3": (-100.0, 100.0), "a3": (-10.0, 10.0)},
    )

    def curve(self, N: Values) -> TokenCurve:
        """Floor e^U, scale e^B, exponent −e^A."""
        floor, scale, exponent = (np.exp(self._power(letter, N)) for letter in "uba")
        return TokenCurve(floor=floor, scale=scale, exponent=-exponent)

    @output("L")
    def loss(self, N: Values, D: Values) -> Values:
        """Loss in the row's unit at N parameters and D tokens."""
        return self.curve(N=N).loss(D)

    def gradient(self, N: Values, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        curve = self.curve(N=N)
        data = curve.scale * np.power(D, curve.exponent, dtype=float)
        by_letter = {"u": curve.floor, "b": data, "a": data * curve.exponent * np.log(D)}
        slopes: dict[str, Values] = {}
        for letter, slope in by_letter.items():
            power = np.power(N, self.coefficients[f"{letter}2"], dtype=float)
            slopes[f"{letter}1"] = slope * power
            slopes[f"{letter}2"] = slope * self.coefficients[f"{letter}1"] * power * np.log(N)
            slopes[f"{letter}3"] = slope * np.ones_like(power)
        return slopes

    @output("N_opt")
    def optimal_params(self, C: Values) -> Values:
        """Parameters of least loss at C = 6ND FLOPs, with 1 to 1e5 tokens each; NaN where the law has none there.

        The floor of the published row falls to zero with N: far above its runs, the largest size always wins.
        """
        product = np.divide(C, TRAIN_FLOPS_PER_PARAM_TOKEN)
        least, most = (np.sqrt(product / ratio) for ratio in reversed(RATIOS))
        best = find_minimum(lambda N: self.loss(N, product / N), least, most, like=C)
        inside = (best > least * EDGE) & (best < most / EDGE)
        return np.where(inside, best, np.nan)[()]

    @output("M_opt")
    def optimal_ratio(self, C: Values) -> Values:
        """Tokens per parameter of least loss at C FLOPs."""
        return C / (TRAIN_FLOPS_PER_PARAM_TOKEN * np.square(self.optimal_params(C)))

    def _power(self, letter: str, N: Values) -> Values:
        c = self.coefficients
        return c[f"{letter}1"] * np.power(N, c[f"{letter}2"], dtype=float) + c[f"{letter}3"]
