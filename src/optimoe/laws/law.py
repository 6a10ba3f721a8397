"""What every law is: a coefficient set with its evidence, and outputs by symbol."""

import copy
import functools
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.spec import ArchSpec
from optimoe.core import outputs
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.core.outputs import Method
from optimoe.core.provenance import Basis
from optimoe.laws.domain import Domain, decades_outside
from optimoe.laws.effects import CorpusEffects
from optimoe.laws.evidence import Evidence
from optimoe.laws.terms.band import loss_band

Sign = Literal["positive", "zero or more", "negative", "zero or less"]
Signs: TypeAlias = Mapping[str, Sign]
Bound = Literal["", "at least", "at most"]
"""What an answer is where a search ended: a bound; empty for a best value inside the search."""
Status = Literal["verified", "transcribed", "form-only", "inconsistent", "fitted", "inferred"]
BASES = {"fitted": Basis.FITTED, "inferred": Basis.ASSUMED}
"""How far to trust what is no published law: one that is inferred rests on a prior as much as on its paper."""


class NotEvaluatedError(InputError):
    """The numbers of a law stand in the library, its outputs belong to another package."""


@dataclass(frozen=True, kw_only=True)
class LawRow:
    """Coefficients and their evidence, as they stand in a law file.

    Attributes:
        name: Its key, such as ``besiroglu2024``.
        family: The equation it belongs to.
        source: Paper and place.
        status: ``verified`` (published outputs follow from it), ``transcribed`` (copied, nothing to test it
            on), ``form-only`` (no coefficients: unpublished, or not confirmed here), ``inconsistent`` (as
            printed it cannot be right), ``fitted`` (by a user) or ``inferred`` (from what the paper prints of its
            answers, under a stated prior: its coefficients are unpublished).
        n_convention: What the law calls N.
        log_base: Of logarithms in its formula.
        coefficients: By symbol: numbers, or in a fit columns of shape (fits, 1).
        units: By symbol.
        range: What the fit covered, ``[low, high]`` by symbol.
        rmse_log: Root mean square residual of ln L on the fitted runs; 0 when not known.
        rmse_source: Where that number stands.
        notes: Caveats.
        dense_baseline: The law of the same paper for dense models, where this one does not describe them.
        better_digits: The row to use in place of this one: the same law with more digits.
        runs: The data set behind it, and which of its rows.
        evidence: What a fit knows of itself; empty for a published law.
        draws: By coefficient, one value a draw (refits to resampled runs), all of one length; one that does not
            vary is left out.
        effects: What a corpus without runs may differ by; none where one corpus is behind the law.
        domain: What designs it may rank; not its ``range``, which says how far its variables went.
        factors: Published effects that its family puts on a design's size, by name.
        factors_flops: The training budget at which those of them are taken that move with it; 0 for their own
            reference.
    """

    name: str
    family: str
    source: str
    status: Status
    n_convention: str
    coefficients: dict[str, Any]
    log_base: str = "none"
    units: dict[str, str] = field(default_factory=dict)
    range: dict[str, tuple[float, float]] = field(default_factory=dict)
    rmse_log: float = 0.0
    rmse_source: str = ""
    notes: str = ""
    dense_baseline: str = ""
    better_digits: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    draws: dict[str, tuple[float, ...]] = field(default_factory=dict)
    effects: CorpusEffects | None = None
    domain: Domain = field(default_factory=Domain)
    factors: tuple[str, ...] = ()
    factors_flops: float = 0.0

    @property
    def behind(self) -> str:
        """What the law rests on: its data set, or its paper. Laws of one count once in a vote."""
        return self.runs.get("dataset") or self.source.split(",")[0]

    @property
    def basis(self) -> Basis:
        """How its coefficients were obtained, among other numbers of a plan."""
        return BASES.get(self.status, Basis.PUBLISHED)

    def with_coefficients(self, coefficients: Mapping[str, Any]) -> "LawRow":
        """A copy with other coefficients: numbers, or columns of shape (fits, 1) for many laws in one.

        It has no draws: those are draws of the coefficients that are gone.
        """
        return replace(self, coefficients=dict(coefficients), draws={})


POSITIVE = (1e-9, 1e30)
"""Bounds of the factor of a power of N, D or E: its logarithm is what moves along with the exponent."""
FLOOR = (0.0, 100.0)
"""Bounds of an additive loss; it can be zero."""


@dataclass(frozen=True, kw_only=True)
class FitForm:
    """Where the fit of a class of laws looks.

    Attributes:
        grid: Starting values of the coefficients that enter nonlinearly; starts are all combinations, with
            the linear coefficients solved for at each.
        bounds: Limits by coefficient. A coefficient with a lower limit above zero is fitted as its logarithm.
        given_by: Another law of the library: coefficients that it has, too, are taken from it and not fitted,
            unless starts or limits of theirs are stated.
    """

    grid: dict[str, tuple[float, ...]]
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    given_by: str = ""


def signed(*, positive: str = "", zero_or_more: str = "") -> Signs:
    """Signs of coefficients from their names, apart by blanks: what ``Law.signs`` takes."""
    signs: dict[str, Sign] = dict.fromkeys(zero_or_more.split(), "zero or more")
    return signs | dict.fromkeys(positive.split(), "positive")


class Coefficients(dict[str, Any]):
    """Coefficients by symbol; one that was never published says so when it is asked for."""

    def __init__(self, row: LawRow) -> None:
        super().__init__(row.coefficients)
        self._row = row

    def __missing__(self, symbol: str) -> Any:
        """Refuse."""
        unknown = self._row.status == "form-only"
        why = "none in the library, fit the form to runs" if unknown else "not given"
        raise ConfigError(f"law {self._row.name}: coefficient {symbol}: {why}")


def output(symbol: str) -> Callable[[Method], Method]:
    """Name a method by the symbol that the law's paper uses for its result.

    The method refuses when the law is inconsistent as printed and nobody has opted in.
    """

    def mark(method: Method) -> Method:
        @functools.wraps(method)
        def guarded(self: "Law", *args: Any, **inputs: Any) -> Any:
            self.require_consistent()
            return method(self, *args, **inputs)

        return outputs.output(symbol)(guarded)  # type: ignore[return-value]

    return mark


def no_library(name: str) -> "Law":
    """What a law that stands alone knows of others: nothing."""
    raise ConfigError(f"law {name}: needs the law library (optimoe.laws.catalog.find_law)")


AT_THE_END = 1e-6
"""Relative distance from the end of a search that counts as the end: above what bisection leaves (1e-8)."""


MOST_BEYOND = 10.0
"""Budget over the largest run up to which a law is planned with that was fitted to one corpus alone: assumed."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a law would build with a budget.

    Attributes:
        answers: By question of :data:`optimoe.laws.compare.QUESTIONS`; empty when the law has none.
        at: Its own variables there, by symbol.
    """

    answers: dict[str, float] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)


AnyLaw = TypeVar("AnyLaw", bound="Law")


class Law(outputs.Evaluable, ABC):
    """One coefficient set with its outputs.

    Attributes:
        family: The name of the equation, the key of law files; for a class in a file of the user's, its place.
        free: Coefficients that a fit estimates; empty when the law is no form to fit.
        linear: Those in which L (or ln L) is linear and homogeneous, the others given.
        fit_form: Starts and bounds of a fit; when none, they surround the published coefficients.
        signs: What coefficients must be for the law to mean anything, where the bounds of ``fit_form`` do not say.
        searched: First and last value of the search by which an output, or an answer of :meth:`decide`, is found;
            a first value of 0 where the search begins at what is least possible.
        row: Coefficients and evidence.
    """

    family: ClassVar[str]
    free: ClassVar[tuple[str, ...]] = ()
    linear: ClassVar[tuple[str, ...]] = ()
    fit_form: ClassVar[FitForm | None] = None
    signs: ClassVar[Signs] = {}
    searched: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __init__(self, row: LawRow, find: Callable[[str], "Law"] = no_library) -> None:
        self.row = row
        self.name = row.name
        self.coefficients = Coefficients(row)
        self._library = find
        self._opted_in = False

    def evaluate(self, symbol: str, inputs: Mapping[str, Any]) -> Any:
        """One output in the law's own variables, in the units of ``row.units``.

        Raises:
            UnknownNameError: No such output or input.
            ConfigError: An input is missing or outside its domain.
            InputError: The law is inconsistent as printed, or has no such number there.
        """
        self.require_consistent()
        try:
            with np.errstate(all="ignore"):  # what comes out is looked at instead
                value = super().evaluate(symbol, inputs)
        except (ZeroDivisionError, OverflowError) as error:
            raise InputError(
                f"law {self.row.name}: {symbol}: no number with these coefficients ({error})"
            ) from None
        numbers = np.atleast_1d(value)
        wrong = numbers if np.iscomplexobj(numbers) else numbers[np.isnan(numbers)]
        limit = "a number with these coefficients and inputs"
        if symbol == "L" and not wrong.size:
            wrong, limit = numbers[~np.isfinite(numbers) | (numbers <= 0)], "a positive loss"
        require(not wrong.size, f"law {self.row.name}: {symbol}", limit, wrong.flat[0] if wrong.size else "")
        return value

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """An architecture and its training tokens in the law's own variables.

        Raises:
            ConfigError: The law takes no architecture.
        """
        raise ConfigError(f"law {self.row.name}: cannot be asked about an architecture")

    def evaluate_arch(self, symbol: str, arch: ArchSpec, tokens: Values) -> Any:
        """One output for an architecture (or a grid of them) and its training tokens."""
        inputs = self.arch_inputs(arch, tokens)
        known = self._inputs(symbol) if symbol in self._outputs else {}
        return self.evaluate(symbol, {name: value for name, value in inputs.items() if name in known})

    def decide(self, train_flops: float) -> Decision:
        """What the law would build with a budget of training FLOPs."""
        return Decision()

    def bound_of(self, asked: str, value: float) -> Bound:
        """Whether an output, or an answer of :meth:`decide`, is no best value but an end of its search."""
        first, last = self.searched.get(asked, (0.0, np.inf))
        if value >= last * (1 - AT_THE_END):
            return "at least"
        return "at most" if value <= first * (1 + AT_THE_END) else ""

    def placed_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What ``row.range`` may name of inputs in the law's own variables: themselves, and D/N of its first N."""
        own = dict.fromkeys(symbol for needed in self.outputs.values() for symbol in needed)
        size = next((inputs[symbol] for symbol in own if symbol.startswith("N") and symbol in inputs), None)
        ratio = {"D_over_N": np.divide(inputs["D"], size)} if size is not None and "D" in inputs else {}
        return ratio | dict(inputs)

    def decades_outside(self, placed: Mapping[str, Values]) -> dict[str, Values]:
        """How far values lie outside ``row.range``: |log10| of the overshoot, by symbol; 0 inside."""
        return {
            symbol: decades_outside(placed[symbol], low, high)
            for symbol, (low, high) in self.row.range.items()
            if symbol in placed
        }

    def with_draws(self: "AnyLaw") -> "AnyLaw | None":
        """Many laws in one: coefficients with draws are columns of shape (draws, 1); none without draws."""
        if not self.row.draws:
            return None
        columns = {symbol: np.array(values)[:, None] for symbol, values in self.row.draws.items()}
        law = copy.copy(self)
        law.row = self.row.with_coefficients({**self.row.coefficients, **columns})
        law.coefficients = Coefficients(law.row)
        return law

    def loss_and_band(self, inputs: Mapping[str, Any]) -> tuple[Values, Values, Values]:
        """The loss L in the law's own variables with an interval of 90 %: (loss, low, high), nats per token.

        See :func:`loss_band`; the ends are NaN where neither draws nor the fit error are known.
        """
        loss, many = self.evaluate("L", inputs), self.with_draws()
        decades = sum(self.decades_outside(self.placed_inputs(inputs)).values())
        drawn = None if many is None else np.asarray(many.evaluate("L", inputs))
        return loss, *loss_band(loss, self.row.rmse_log, decades, drawn)

    def require_sound(self) -> None:
        """Refuse a law whose fit failed: the runs did not put its coefficients where they are.

        Raises:
            InputError: With the law, the verdict and the coefficients.
        """
        evidence = self.row.evidence
        if not evidence.usable:
            raise InputError(
                f"law {self.row.name}: verdict: must be sound to plan with, got {evidence.words}: fit again (more "
                "runs, fewer coefficients), or plan all the same with --allow-unsound"
            )

    def allow_inconsistent(self) -> "Law":
        """The explicit opt-in: the same law, evaluated although it cannot be right as printed."""
        law = copy.copy(self)
        law._opted_in = True
        return law

    def require_reach(self, train_flops: float) -> None:
        """Refuse a budget far beyond the runs that a law was fitted to, where it rests on one corpus alone.

        One corpus does not identify the asymptote, and no band of its own runs shows that. A law of several
        corpora, and one that was brought to runs, rests on more than these. The largest run is taken at the ends
        of the fitted range, 6·N·D of the largest N and the most tokens, which no run may have had together.

        Raises:
            InputError: With the law, 6·N·D at the ends of its range and the budget.
        """
        size, tokens = self.row.range.get("N_act") or self.row.range.get("N"), self.row.range.get("D")
        evidence = self.row.evidence
        if not (evidence.runs and size and tokens) or evidence.prior or self.row.effects is not None:
            return
        largest = TRAIN_FLOPS_PER_PARAM_TOKEN * size[1] * tokens[1]
        if train_flops > MOST_BEYOND * largest:
            raise InputError(
                f"law {self.row.name}: train_flops: must be at most {MOST_BEYOND:g} times its largest run, 6·N·D "
                f"at the ends of its range, {largest:.2g} FLOPs, got {train_flops:.2g}: bring a law of the "
                "library to these runs (laws anchor), or plan all the same with --allow-unsound"
            )

    def require_consistent(self) -> None:
        """Refuse a law that cannot be right as printed, unless somebody opted in.

        Raises:
            InputError: With the reason.
        """
        if self.row.status == "inconsistent" and not self._opted_in:
            raise InputError(f"law {self.row.name}: inconsistent, not for predictions: {self.row.notes}")

    def find(self, name: str) -> "Law":
        """Some other law of the same library, under the same opt-in."""
        law = self._library(name)
        return law.allow_inconsistent() if self._opted_in else law
