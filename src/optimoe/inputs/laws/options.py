"""How a family is fitted, as every command that fits takes it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.quantities import Pairs, pairs

if TYPE_CHECKING:
    from optimoe.laws.fitting import FitOptions


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FittedRequest(RunsRequest):
    """Tables of runs, and how a family is fitted to them."""

    fix: Pairs = None
    """Coefficient that is given and not fitted, such as alpha=0.34 (once for each)."""
    bound: Pairs = None
    """Limits of a coefficient, such as E=1:2 (once for each)."""
    start: Pairs = None
    """Starting values of a coefficient, such as alpha=0.2,0.3 (once for each)."""
    tie: Pairs = None
    """Coefficients with one value, such as alpha=beta (once for each)."""
    objective: Literal["huber", "squares", "student", "auto"] = "huber"
    """Huber loss, least squares, Student-t likelihood, or what the residuals call for; on residuals of ln L."""
    delta: float = 1e-3
    """Residual from which Huber's loss is linear."""
    n_convention: str = ""
    """What N counts: total, active, nonembedding, active_nonembedding, dense; left out, as its column says."""

    def options(self) -> "FitOptions":
        """How the law is fitted.

        Raises:
            InputError: A coefficient is not stated as its option wants it.
            ConfigError: Delta is not positive.
        """
        from optimoe.laws.fitting import Auto, FitOptions, Huber, LeastSquares, Objective, StudentT

        objectives: dict[str, Objective] = {
            "huber": Huber(delta=self.delta),
            "squares": LeastSquares(),
            "student": StudentT(),
            "auto": Auto(),
        }
        given = pairs("--fix", self.fix, "alpha=0.34")
        return FitOptions(
            objective=objectives[self.objective],
            fixed={name: _number("--fix", "alpha=0.34", name, value) for name, value in given.items()},
            bounds=_bounds(self.bound),
            starts=_starts(self.start),
            n_convention=self.n_convention,
            tied={name: str(value) for name, value in pairs("--tie", self.tie, "alpha=beta").items()},
        )


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
