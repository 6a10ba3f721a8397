"""The request of ``optimoe laws next-runs``: which runs to do next, for a law or a decision."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.laws.options import FittedRequest
from optimoe.inputs.quantities import Pairs, Quantity, columns_by_name, pairs
from optimoe.inputs.sources import FamilyName

if TYPE_CHECKING:
    import numpy as np

    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NextRunsRequest(FittedRequest):
    """Choose among runs that could be done those that shrink an uncertainty most for their cost."""

    family: FamilyName
    """A family, a law or its paper, or a class of your own."""
    budget: Quantity
    """What the new runs may cost together: training FLOPs, or the unit of --cost."""
    candidates: Path | None = None
    """Table of designs to choose from, with columns as in the runs; left out, a grid."""
    grid: Pairs = None
    """Values of a variable on the grid: N=1e8:1e10:7 (from, to, how many) or E=8:64 (once for each)."""
    most: int = 8
    """Runs to choose at most."""
    cost: str = ""
    """Cost of a run, a formula of its variables; left out, 6ND."""
    criterion: Literal["D", "I", "decision"] = "D"
    """What to shrink: all coefficients (D), the loss at --target (I), the best size at --at-flops (decision)."""
    target: Pairs = None
    """Design whose loss matters, such as N=7e9,D=1.4T, for criterion I."""
    at_flops: Quantity = 0.0
    """Budget whose best size matters, for criterion decision."""
    set: Pairs = None
    """Other variable of the law at that budget, such as E=64."""

    def needs(self) -> tuple[str, ...]:
        """Variables of the family that the table has to have.

        Raises:
            UnknownNameError: No such family.
        """
        from optimoe.laws.catalog import find_family
        from optimoe.laws.gradients import required_variables

        return required_variables(find_family(self.family))

    def designs(self, observations: "Observations") -> "dict[str, np.ndarray]":
        """The candidates: a table's, or combinations on the grid that the budget could pay.

        Of a grid, designs with more or fewer tokens per parameter than any run at hand are left out: laws of
        finished runs say nothing about runs of other regimes.

        Raises:
            InputError: A part of the grid is not stated as ``N=1e8:1e10:7``, or is no variable of the family.
            ConfigError: The table cannot be read, or no design is affordable.
        """
        from optimoe.laws.fitting.answers.next_runs import affordable, grid_of, like_runs, usual_grid
        from optimoe.laws.runs import load_designs

        if self.candidates is not None and self.grid:
            raise InputError("--grid: must be left out beside --candidates, which state the designs")
        if self.candidates is not None:
            columns = columns_by_name("--columns", self.columns, "N=params")
            return load_designs((self.candidates,), columns, self.needs())
        values = usual_grid(observations, self.needs())
        for name, text in pairs("--grid", self.grid, "N=1e8:1e10:7").items():
            if name not in values:
                raise InputError(f"--grid: {name}: must be one of {', '.join(values)}")
            values[name] = _values(name, text)
        return affordable(like_runs(grid_of(values), observations), self.cost, self.budget)

    def targets(self) -> "dict[str, np.ndarray]":
        """The design whose loss matters, by symbol.

        Raises:
            InputError: It is missing, or a number of it is no quantity.
        """
        import numpy as np

        given = pairs("--target", self.target, "N=7e9,D=1.4T")
        missing = [name for name in self.needs() if name not in given]
        if missing:
            raise InputError(f"--target: {missing[0]}: missing (such as --target {missing[0]}=…)")
        return {name: np.array([_number("--target", name, value)]) for name, value in given.items()}

    def others(self) -> dict[str, str]:
        """The other variables at the budget of the decision, as they were stated.

        Raises:
            InputError: One is not stated as ``E=64``.
        """
        return {name: str(value) for name, value in pairs("--set", self.set, "E=64").items()}


def _number(option: str, name: str, value: Any) -> float:
    try:
        return parse_quantity(str(value))
    except InputError as error:
        raise InputError(f"{option}: {name}: {error}") from None


def _values(name: str, value: Any) -> tuple[float, ...]:
    """Values of ``low:high:how many`` (a geometric row), or of a list between colons or in a table."""
    import numpy as np

    given = [str(part) for part in value] if isinstance(value, list | tuple) else str(value).split(":")
    numbers = [_number("--grid", name, part) for part in given]
    if len(numbers) == 3 and not isinstance(value, list | tuple):
        low, high, count = numbers
        if not (0 < low < high and count == int(count) and 2 <= count <= 1000):
            raise InputError(f"--grid: {name}: must be like 1e8:1e10:7 (from, to, how many), got {value!r}")
        return tuple(np.geomspace(low, high, int(count)).tolist())
    return tuple(numbers)
