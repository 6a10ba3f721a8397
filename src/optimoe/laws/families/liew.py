"""Liew 2025 (arXiv 2502.03009): dense models, 8-expert MoEs from scratch, and dense models upcycled to them."""

from dataclasses import replace

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.domain import Domain, Models
from optimoe.laws.law import Decision, Law, output, signed
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.optimum import optimal_params
from optimoe.laws.terms.sizes import SIZES


class Liew(LossLaw):
    """L = A·D^−α + B·N1^−β + E (Liew 2025, arXiv 2502.03009): dense models, and 8-expert MoEs from scratch.

    N1 is the size of the dense model whose FFN one expert is; whether it counts embeddings is not stated
    (here it does). The row's range of E says whether it is the dense or the MoE law. Falls in N1 and D.
    """

    family = "liew"
    sizes, own_size = SIZES, "dense"
    free = ("E", "A", "B", "alpha", "beta")
    linear = ("E", "A", "B")
    signs = signed(positive="A B", zero_or_more="E alpha beta")

    @property
    def ranks(self) -> Domain:
        """Dense models or MoEs, as the row's domain or its range of E says."""
        domain = self.row.domain
        usual: Models = "dense" if self._experts() == 1 else "routed"
        return domain if domain.known else replace(domain, models=usual)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N1: all parameters of the dense model whose FFN is one expert."""
        return {"N1": self.size(arch)}

    def curve(self, N1: Values) -> TokenCurve:
        """Floor E + B·N1^−β, scale A, exponent −α."""
        c = self.coefficients
        floor = c["E"] + c["B"] * np.power(N1, -c["beta"], dtype=float)
        return TokenCurve(floor=floor, scale=c["A"], exponent=-c["alpha"])

    @output("L")
    def loss(self, N1: Values, D: Values) -> Values:
        """Loss in nats per token at D tokens of training from scratch."""
        return self.curve(N1=N1).loss(D)

    def gradient(self, N1: Values, D: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size, data = np.power(N1, -c["beta"], dtype=float), np.power(D, -c["alpha"], dtype=float)
        return {
            "E": np.ones_like(size),
            "A": data,
            "B": size,
            "alpha": -c["A"] * np.log(D) * data,
            "beta": -c["B"] * np.log(N1) * size,
        }

    def decide(self, train_flops: float) -> Decision:
        """The compute optimum at C = 6·N1·D answers how many tokens a parameter is worth."""
        c = self.coefficients
        params = float(optimal_params(c["B"], c["beta"], c["A"], c["alpha"], train_flops))
        ratio = train_flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params**2)
        question = "tokens_per_param_dense" if self._experts() == 1 else "tokens_per_param"
        return Decision(answers={question: ratio}, at={"N1": params})

    def _experts(self) -> int:
        return int(self.row.range.get("E", (1, 1))[1])


class LiewUpcycled(Law):
    """L = A·D1^−α1·D2^(−α2 + α3·ln D1) + B·N1^−β + E (Liew 2025, arXiv 2502.03009, eq. 12).

    A dense model of N1 parameters trained on D1 tokens, upcycled to 8 experts, then D2 tokens more. The
    typography of eq. 12 is not confirmed: natural logarithm and +α3 is the only reading with sane losses.
    Falls in D2 while ln D1 < α2/α3 (always, below 1e46 tokens), and in N1.
    """

    family = "liew-upcycled"
    free = ("A", "alpha1", "alpha2", "alpha3", "B", "beta", "E")
    linear = ("A", "B", "E")
    signs = signed(positive="A B", zero_or_more="E alpha1 alpha2 beta")

    def curve(self, N1: Values, D1: Values) -> TokenCurve:
        """Loss against D2: floor E + B·N1^−β, scale A·D1^−α1, exponent −α2 + α3·ln D1."""
        c = self.coefficients
        return TokenCurve(
            floor=c["E"] + c["B"] * np.power(N1, -c["beta"], dtype=float),
            scale=c["A"] * np.power(D1, -c["alpha1"], dtype=float),
            exponent=-c["alpha2"] + c["alpha3"] * np.log(D1),
        )

    @output("L")
    def loss(self, N1: Values, D1: Values, D2: Values) -> Values:
        """Loss in nats per token after D1 dense and D2 upcycled tokens."""
        return self.curve(N1=N1, D1=D1).loss(D2)

    def gradient(self, N1: Values, D1: Values, D2: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size, sunk, more = np.power(N1, -c["beta"], dtype=float), np.log(D1), np.log(D2)
        data = np.exp(-c["alpha1"] * sunk + (-c["alpha2"] + c["alpha3"] * sunk) * more)
        return {
            "A": data,
            "alpha1": -c["A"] * data * sunk,
            "alpha2": -c["A"] * data * more,
            "alpha3": c["A"] * data * sunk * more,
            "B": size,
            "beta": -c["B"] * size * np.log(N1),
            "E": np.ones_like(size),
        }
