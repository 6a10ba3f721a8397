"""How a family is fitted, as every command that fits takes it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.quantities import Pairs, pairs
from optimoe.inputs.sources import FamilyName, LawNames

if TYPE_CHECKING:
    from optimoe.laws.fitting import FitOptions, Objective
    from optimoe.laws.law import LawRow
    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ObjectiveRequest(RunsRequest):
    """Tables of runs, and what a fit to them minimises."""

    objective: Literal["huber", "squares", "student", "auto"] = "huber"
    """Huber loss, least squares, Student-t likelihood, or what the residuals call for; on residuals of ln L."""
    delta: float = 1e-3
    """Residual from which Huber's loss is linear."""

    def minimised(self) -> "Objective":
        """The objective that a fit minimises.

        Raises:
            ConfigError: Delta is not positive.
        """
        from optimoe.laws.fitting import Auto, Huber, LeastSquares, Objective, StudentT

        objectives: dict[str, Objective] = {
            "huber": Huber(delta=self.delta),
            "squares": LeastSquares(),
            "student": StudentT(),
            "auto": Auto(),
        }
        return objectives[self.objective]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FittedRequest(ObjectiveRequest):
    """Tables of runs, and how a family is fitted to them."""

    fix: Pairs = None
    """Coefficient that is given and not fitted, such as alpha=0.34 (once for each)."""
    bound: Pairs = None
    """Limits of a coefficient, such as E=1:2 (once for each)."""
    start: Pairs = None
    """Starting values of a coefficient, such as alpha=0.2,0.3 (once for each)."""
    tie: Pairs = None
    """Coefficients with one value, such as alpha=beta (once for each)."""
    n_convention: str = ""
    """What N counts: total, active, nonembedding, active_nonembedding, dense; left out, as its column says."""

    def options(self) -> "FitOptions":
        """How the law is fitted.

        Raises:
            InputError: A coefficient is not stated as its option wants it.
            ConfigError: Delta is not positive.
        """
        from optimoe.laws.fitting import FitOptions

        given = pairs("--fix", self.fix, "alpha=0.34")
        return FitOptions(
            objective=self.minimised(),
            fixed={name: _number("--fix", "alpha=0.34", name, value) for name, value in given.items()},
            bounds=_bounds(self.bound),
            starts=_starts(self.start),
            n_convention=self.n_convention,
            tied={name: str(value) for name, value in pairs("--tie", self.tie, "alpha=beta").items()},
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawsRequest(FittedRequest):
    """Tables of runs, and laws to hold beside them."""

    law: LawNames = None
    """Law to ask: a name of the library, or a law file (once for each)."""
    family: FamilyName = ""
    """Family of which a law is fitted to the runs and asked, too."""
    resamples: int = 200
    """Draws for the intervals; 0 for none."""
    cluster: str = ""
    """Label or variable whose rows are drawn together, such as run."""
    level: float = 0.9
    """Probability that an interval holds."""
    seed: int = 0
    """Seed of the draws."""

    def rows(self, observations: "Observations | None" = None) -> "list[LawRow]":
        """The laws that are named, and the one that is fitted to the runs; each with draws where it can have some.

        Raises:
            UnknownNameError: No such law or family; lists the nearest.
            InputError: A law cannot be right as printed, or has no published coefficients.
            ConfigError: The family cannot be fitted to the runs.
        """
        from optimoe.laws.fitting import drawn_law

        rows = [drawn_law(name, self.resamples, self.seed) for name in self.law or ()]
        if self.family and observations is not None:
            rows.append(self._fitted(observations))
        return rows

    def _fitted(self, observations: "Observations") -> "LawRow":
        from optimoe.laws.fitting import bootstrap, fit

        fitted = fit(observations, self.family, self.options())
        if not self.resamples:
            return fitted.law
        how: dict[str, Any] = {"resamples": self.resamples, "cluster": self.cluster, "seed": self.seed}
        drawn = bootstrap(observations, fitted, **how).coefficients
        return replace(fitted.law, draws={name: tuple(map(float, values)) for name, values in drawn.items()})


def _number(option: str, example: str, name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{option}: {name}: must be a number, like {example}, got {value!r}") from None


def _bounds(given: list[str] | dict[str, Any] | None) -> dict[str, tuple[float, float]]:
    """Limits by coefficient, from ``E=1:2`` or ``{"E": [1, 2]}``."""
    example = "E=1:2"
    bounds = {}
    for name, value in pairs("--bound", given, example).items():
        ends = value.split(":") if isinstance(value, str) else value
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            raise InputError(f"--bound: {name}: must be two limits, like {example}, got {value!r}")
        low, high = (_number("--bound", example, name, end) for end in ends)
        bounds[name] = (low, high)
    return bounds


def _starts(given: list[str] | dict[str, Any] | None) -> dict[str, tuple[float, ...]]:
    """Starting values by coefficient, from ``alpha=0.2,0.3`` or ``{"alpha": [0.2, 0.3]}``."""
    example = "alpha=0.2,0.3"
    lists: dict[str, list[Any]] = {}
    if given is None or isinstance(given, dict):
        for name, value in (given or {}).items():
            lists[name] = list(value) if isinstance(value, list | tuple) else [value]
    else:
        for text in given:
            name, equals, values = text.partition("=")
            if not equals or "=" in values:
                raise InputError(f"--start: must be like {example} (once for each coefficient), got {text!r}")
            lists.setdefault(name.strip(), []).extend(values.split(","))
    return {
        name: tuple(_number("--start", example, name, one) for one in values) for name, values in lists.items()
    }
