"""What a law is: coefficients with their evidence, outputs by symbol, and a loss for a design.

::

    Law          outputs in its own variables (the symbols of its paper)
    └── ArchLaw  a loss for an architecture: converts it explicitly, says what it was never fitted on
        └── LossLaw  also gives that loss as a curve in training tokens

A law that can be fitted has ``free`` and ``linear`` coefficients and a ``gradient``. Its formula takes
coefficients of shape (fits, 1) against variables of shape (runs,), by broadcasting.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.laws.law import Law
from optimoe.laws.terms.sizes import Size

BAND_Z = 1.645
"""Standard deviations that hold 90 % of a normal distribution."""
BAND_GROWTH_PER_DECADE = 4.0
"""The band beyond the fitted range: see :meth:`ArchLaw.band`."""


@dataclass(frozen=True, kw_only=True)
class TokenCurve:
    """Loss against training tokens at a fixed design: L(D) = floor + scale·D^exponent, exponent < 0.

    Fields are numbers, or arrays over a grid of designs.
    """

    floor: Values
    scale: Values
    exponent: Values

    def loss(self, tokens: Values) -> Values:
        """Loss in nats per token after so many tokens."""
        return self.floor + self.scale * np.power(tokens, self.exponent, dtype=float)

    def tokens(self, loss: Values) -> Values:
        """Tokens that reach a loss; infinite at or below the floor."""
        above = np.subtract(loss, self.floor)
        with np.errstate(divide="ignore", over="ignore"):
            reached = np.power(np.maximum(above, 0) / self.scale, 1 / np.asarray(self.exponent))
        return np.where(above > 0, reached, np.inf)[()]


class ArchLaw(Law):
    """A law that gives a loss for an architecture and a number of training tokens.

    Attributes:
        sizes: What its N may count, by the name of a convention; empty for a class that counts by itself.
        own_size: What its paper's N counts, where that is part of the equation; empty where it is for runs to say.
    """

    sizes: ClassVar[Mapping[str, Size]] = {}
    own_size: ClassVar[str] = ""

    def size(self, arch: ArchSpec) -> Values:
        """N of a design by the row's ``n_convention``; where that says nothing, by the family's first.

        :meth:`require_usable` refuses a row that says nothing, before anything is planned or compared.
        """
        stated = self.row.n_convention in self.sizes
        return self.sizes[self.row.n_convention if stated else self.own_size or next(iter(self.sizes))](arch)

    @abstractmethod
    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """The design in the law's own variables (without D), converted by the law's own conventions."""

    @abstractmethod
    def concerns(self, arch: ArchSpec) -> tuple[str, ...]:
        """What this design has that no run behind the law had, in words; empty when there is nothing."""

    @abstractmethod
    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token of an architecture or a grid of them."""

    def applies_to(self, arch: ArchSpec) -> bool:
        """Whether the law's variables can describe the design at all (a dense law: dense models only)."""
        return True

    def dense_law(self) -> "ArchLaw":
        """Law of the same paper for dense models: this one, or the one that its row names."""
        law = self.find(self.row.dense_baseline) if self.row.dense_baseline else self
        if not isinstance(law, ArchLaw):
            raise ConfigError(f"dense_baseline: must be a loss of architectures, got {law.row.name}")
        return law

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The design in the law's own variables, and D."""
        return self.variables(arch) | {"D": tokens}

    def placed(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """Everything that ``row.range`` may name: the inputs, D/N and E."""
        inputs = self.arch_inputs(arch, tokens)
        moe = arch.moe
        return {"D_over_N": tokens / next(iter(inputs.values())), "E": moe.num_experts if moe else 1} | inputs

    def require_usable(self) -> None:
        """Refuse a law that cannot be right as printed, has no published coefficients, or does not say its N.

        Raises:
            InputError: With the reason.
        """
        self.require_consistent()
        if self.row.status == "form-only":
            raise InputError(f"law {self.row.name}: form-only, not for predictions: {self.row.notes}")
        if self.sizes and not self.own_size and self.row.n_convention not in self.sizes:
            raise InputError(
                f"law {self.row.name}: n_convention: must say what its N counts ({', '.join(self.sizes)}), got "
                f"{self.row.n_convention or 'nothing'}: fit again with --n-convention, or write it into the file"
            )

    def decades_beyond(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """How far outside the fitted range a design lies: |log10| of the overshoot, by symbol; 0 inside."""
        placed = self.placed(arch, tokens)
        for symbol in self.row.range:
            if symbol not in placed:
                raise UnknownNameError(f"law {self.row.name}: range", symbol, placed)
        return self.decades_outside(placed)

    def without_range(self, arch: ArchSpec) -> tuple[str, ...]:
        """Variables, D among them, whose fitted range nobody stated: nothing says whether they are inside."""
        stated: set[str] = set()  # D/N bounds both, N_act bounds N, 1 − S bounds S
        for symbol in self.row.range:
            stated |= {symbol, symbol.split("_")[0], symbol.removeprefix("1-"), *symbol.split("_over_")}
        return tuple(symbol for symbol in self.arch_inputs(arch, 1.0) if symbol not in stated)

    def band(self, loss: Values, arch: ArchSpec, tokens: Values) -> tuple[Values, Values]:
        """An interval around a predicted loss, wider beyond the fitted range.

        ln L ± 1.645·rmse·(1 + 4·decades): 90 % of a normal residual inside the fitted range, wider by four
        times itself per decade beyond it (summed over variables). The factor 4 is a back-test: Chinchilla's
        form fitted to its runs below eight budgets covers 79 % of the larger runs on average, 60 to 95 % by
        budget (``benchmarks/loss_band.py``). It is about the level of the loss; two designs under one
        law share most of this error. NaN when the law's fit error is not known.
        """
        if not self.row.rmse_log:
            return loss * math.nan, loss * math.nan
        decades = sum(self.decades_beyond(arch, tokens).values())
        half_width = BAND_Z * self.row.rmse_log * (1 + BAND_GROWTH_PER_DECADE * decades)
        return loss * np.exp(-half_width), loss * np.exp(half_width)


class LossLaw(ArchLaw):
    """A law whose loss falls with training tokens as a power towards a floor."""

    @abstractmethod
    def curve(self, *args: Any, **variables: Any) -> TokenCurve:
        """Loss against tokens for a design given in the law's own variables."""

    def arch_curve(self, arch: ArchSpec) -> TokenCurve:
        """Loss against tokens of an architecture or a grid of them."""
        self.require_usable()
        return self.curve(**self.variables(arch))

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token: the design's curve at so many tokens."""
        return self.arch_curve(arch).loss(tokens)
