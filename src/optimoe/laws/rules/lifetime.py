"""Training plus lifetime inference in FLOPs: Sardana 2024 (arXiv 2401.00448), eq. 3."""

from typing import ClassVar

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError
from optimoe.core.outputs import Domains
from optimoe.laws.families.dense import Chinchilla
from optimoe.laws.law import Law, output, signed
from optimoe.laws.terms.optimum import find_root

JUST_ABOVE = 1 + 1e-9


class LifetimeObjective(Law):
    """Minimise 6·N·D_tr + 2·N·D_inf subject to L(N, D_tr) = ℓ.

    ℓ is the loss that N0 parameters reach when compute-optimal under the law ``base``. No closed form for
    D_inf > 0: the root of the first-order condition αA·N^−α / (βB·D^−β) = 1 + D_inf/(3·D).
    """

    family = "objective"
    signs = signed(positive="train", zero_or_more="infer")
    domain: ClassVar[Domains] = {"D_inf": "nonnegative"}

    @output("N")
    def params(self, base: str, N0: Values, D_inf: Values) -> Values:
        """Parameters that cost least over training and D_inf inference tokens."""
        law = self._base(base)
        loss = law.loss(N0, law.tokens_for_params(N0))

        def excess(N: Values) -> Values:
            left, right = self._condition(law, N, loss, D_inf)
            return np.log(right / left)

        like = np.broadcast_to(N0, np.broadcast_shapes(np.shape(N0), np.shape(D_inf)))
        return find_root(excess, self._least_params(law, loss) * JUST_ABOVE, N0 * JUST_ABOVE, like=like)

    @output("D")
    def tokens(self, base: str, N0: Values, D_inf: Values) -> Values:
        """Training tokens of that model."""
        law = self._base(base)
        loss = law.loss(N0, law.tokens_for_params(N0))
        return law.curve(N=self.params(base, N0, D_inf)).tokens(loss)

    @output("D_ratio")
    def tokens_ratio(self, base: str, N0: Values, D_inf: Values) -> Values:
        """Tokens of the best model over the Chinchilla-optimal tokens of N0."""
        return self.tokens(base, N0, D_inf) / self._base(base).tokens_for_params(N0)

    @output("flops_change")
    def flops_change(self, base: str, N0: Values, D_inf: Values) -> Values:
        """Relative change of lifetime FLOPs against the compute-optimal N0, at equal loss."""
        reference = self._flops(N0, self._base(base).tokens_for_params(N0), D_inf)
        return self._flops(self.params(base, N0, D_inf), self.tokens(base, N0, D_inf), D_inf) / reference - 1

    @output("foc_left")
    def condition_left(self, base: str, N0: Values, D_inf: Values) -> Values:
        """αA·N^−α / (βB·D^−β) at the optimum."""
        return self._condition_at_optimum(base, N0, D_inf)[0]

    @output("foc_right")
    def condition_right(self, base: str, N0: Values, D_inf: Values) -> Values:
        """1 + D_inf/(3·D) at the optimum."""
        return self._condition_at_optimum(base, N0, D_inf)[1]

    def _condition_at_optimum(self, base: str, N0: Values, D_inf: Values) -> tuple[Values, Values]:
        law = self._base(base)
        loss = law.loss(N0, law.tokens_for_params(N0))
        return self._condition(law, self.params(base, N0, D_inf), loss, D_inf)

    def _condition(self, law: Chinchilla, N: Values, loss: Values, D_inf: Values) -> tuple[Values, Values]:
        c = law.coefficients
        D = law.curve(N=N).tokens(loss)
        left = c["alpha"] * c["A"] * N ** -c["alpha"] / (c["beta"] * c["B"] * D ** -c["beta"])
        train, infer = self.coefficients["train"], self.coefficients["infer"]
        return left, 1 + infer * D_inf / (train * D)

    def _flops(self, N: Values, D: Values, D_inf: Values) -> Values:
        return N * (self.coefficients["train"] * D + self.coefficients["infer"] * D_inf)

    @staticmethod
    def _least_params(law: Chinchilla, loss: Values) -> Values:
        """Parameters below which no number of tokens reaches the loss: (A/(ℓ − E))^(1/α)."""
        c = law.coefficients
        return (c["A"] / (loss - c["E"])) ** (1 / c["alpha"])

    def _base(self, base: str) -> Chinchilla:
        law = self.find(base)
        if not isinstance(law, Chinchilla):
            raise ConfigError(f"base: must be a law of the family chinchilla, got {base}")
        return law
