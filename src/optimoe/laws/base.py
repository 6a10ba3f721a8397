"""What a law is: coefficients with their evidence, outputs by symbol, and a loss for a design.

A *law* evaluates any of its outputs in its own variables (the symbols of its paper). A *loss law* can also be
asked about an architecture: it converts the architecture to its own variables explicitly, says what it was
never fitted on, and gives the loss as a curve in tokens.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, InputError, UnknownNameError, require

Status = Literal["verified", "transcribed", "form-only", "inconsistent", "fitted"]

TRAIN_FLOPS_PER_PARAM_TOKEN = 6
"""C = 6ND: two FLOPs forward and four backward per parameter and token (Kaplan 2020, Sec. 2.1)."""

BAND_Z = 1.645
BAND_GROWTH_PER_DECADE = 4.0
"""The band beyond the fitted range: see :meth:`LossLaw.band`."""


@dataclass(frozen=True, kw_only=True)
class LawRow:
    """One coefficient set, as it stands in a law file.

    Attributes:
        name: Its key, such as ``besiroglu2024``.
        family: The equation it belongs to.
        source: Paper and place.
        status: ``verified`` (published outputs follow from it), ``transcribed`` (copied, nothing to test it
            on), ``form-only``, ``inconsistent`` (as printed it cannot be right) or ``fitted`` (by a user).
        n_convention: What the law calls N.
        log_base: Of logarithms in its formula.
        coefficients: By symbol.
        units: By symbol.
        range: What the fit covered, ``[low, high]`` by symbol.
        rmse_log: Root mean square residual of ln L on the fitted runs; 0 when not known.
        rmse_source: Where that number stands.
        notes: Caveats.
    """

    name: str
    family: str
    source: str
    status: Status
    n_convention: str
    coefficients: dict[str, float]
    log_base: str = "none"
    units: dict[str, str] = field(default_factory=dict)
    range: dict[str, tuple[float, float]] = field(default_factory=dict)
    rmse_log: float = 0.0
    rmse_source: str = ""
    notes: str = ""


Method = TypeVar("Method", bound=Callable[..., Any])


def output(symbol: str) -> Callable[[Method], Method]:
    """Name a method by the symbol that the law's paper uses for its result."""

    def mark(method: Method) -> Method:
        method.symbol = symbol  # type: ignore[attr-defined]
        return method

    return mark


class Law(ABC):
    """One coefficient set with its outputs.

    Attributes:
        family: The name of the equation, the key of law files.
        row: Coefficients and evidence.
    """

    family: ClassVar[str]
    _outputs: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls) -> None:
        own = {member.symbol: name for name, member in vars(cls).items() if hasattr(member, "symbol")}
        cls._outputs = cls._outputs | own

    def __init__(self, row: LawRow) -> None:
        self.row = row

    @property
    def outputs(self) -> dict[str, tuple[str, ...]]:
        """Each output's symbol, with the symbols of its inputs."""
        return {symbol: tuple(self._inputs(symbol)) for symbol in self._outputs}

    def evaluate(self, symbol: str, inputs: Mapping[str, Any]) -> Any:
        """One output in the law's own variables.

        Args:
            symbol: Such as ``"L"`` or ``"N_opt"``.
            inputs: Values by symbol, in the units of ``row.units``.

        Raises:
            UnknownNameError: No such output or input.
            ConfigError: An input is missing or not positive.
        """
        if symbol not in self._outputs:
            raise UnknownNameError(f"{self.row.name}: output", symbol, self._outputs)
        known = self._inputs(symbol)
        for name, value in inputs.items():
            if name not in known:
                raise UnknownNameError(f"{self.row.name}: input of {symbol}", name, known)
            if not isinstance(value, str):
                require(np.isfinite(value) & (np.asarray(value) > 0), name, "positive and finite", value)
        missing = [
            name for name, default in known.items() if default is inspect.Parameter.empty and name not in inputs
        ]
        if missing:
            raise ConfigError(f"{self.row.name}: {symbol} needs {', '.join(missing)}")
        return getattr(self, self._outputs[symbol])(**inputs)

    def _inputs(self, symbol: str) -> dict[str, Any]:
        signature = inspect.signature(getattr(self, self._outputs[symbol]))
        return {name: parameter.default for name, parameter in signature.parameters.items()}


@dataclass(frozen=True, kw_only=True)
class TokenCurve:
    """Loss against training tokens at a fixed design: L(D) = floor + scale·D^exponent, exponent < 0.

    Fields are numbers, or arrays over a grid of designs.
    """

    floor: Values
    scale: Values
    exponent: Values

    def loss(self, tokens: Values) -> Values:
        """Nats per token after ``tokens``."""
        return self.floor + self.scale * np.power(tokens, self.exponent, dtype=float)

    def tokens(self, loss: Values) -> Values:
        """Tokens that reach a loss; infinite at or below the floor."""
        above = np.subtract(loss, self.floor)
        with np.errstate(divide="ignore", over="ignore"):
            reached = np.power(np.maximum(above, 0) / self.scale, 1 / np.asarray(self.exponent))
        return np.where(above > 0, reached, np.inf)[()]


class LossLaw(Law):
    """A law that gives a loss for an architecture and a number of training tokens."""

    @abstractmethod
    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """The design in the law's own variables (without D), converted by the law's own conventions."""

    @abstractmethod
    def curve(self, *args: Any, **variables: Any) -> TokenCurve:
        """Loss against tokens for a design given in the law's own variables."""

    @abstractmethod
    def concerns(self, arch: ArchSpec) -> tuple[str, ...]:
        """What this design has that no run behind the law had, in words; empty when there is nothing."""

    def require_usable(self) -> None:
        """Refuse a law that cannot be right as printed.

        Raises:
            InputError: With the reason.
        """
        if self.row.status in ("inconsistent", "form-only"):
            raise InputError(f"law {self.row.name}: {self.row.status}, not for predictions: {self.row.notes}")

    def arch_curve(self, arch: ArchSpec) -> TokenCurve:
        """Loss against tokens of an architecture or a grid of them."""
        return self.curve(**self.variables(arch))

    def decades_beyond(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """How far outside the fitted range a design lies: |log10| of the overshoot, by symbol; 0 inside."""
        variables = self.variables(arch) | {"D": tokens}
        beyond = {}
        for symbol, (low, high) in self.row.range.items():
            value = np.log10(np.asarray(variables[symbol], dtype=float))
            lowest = -math.inf if low <= 0 else math.log10(low)
            beyond[symbol] = np.maximum(0, np.maximum(value - math.log10(high), lowest - value))[()]
        return beyond

    def band(self, loss: Values, arch: ArchSpec, tokens: Values) -> tuple[Values, Values]:
        """An interval around a predicted loss.

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
