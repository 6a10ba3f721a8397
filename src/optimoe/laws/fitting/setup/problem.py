"""How a family is fitted to runs, and the problem that the solver gets."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.objectives import Huber, Objective
from optimoe.laws.fitting.solve import FitProblem, Solutions, solve
from optimoe.laws.runs import Observations


@dataclass(frozen=True, kw_only=True)
class Held:
    """A coefficient that these runs cannot tell, and that is therefore not fitted.

    Attributes:
        coefficient: Its symbol.
        value: At which it is held.
        reason: What does not vary in the runs, and what the coefficient cannot be told from.
    """

    coefficient: str
    value: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """How a family is fitted to runs.

    Attributes:
        objective: Huber(delta), LeastSquares() or StudentT(degrees), on residuals of ln L.
        starts: Starting values by coefficient, in place of the family's own; all combinations are tried.
        bounds: Limits by coefficient, likewise.
        fixed: Coefficients that are given.
        tied: Coefficients that always have the value of another, by symbol: ``{"alpha": "beta"}``.
        held: Coefficients that the runs cannot tell because a variable is constant in them; a fit adds its own.
        n_convention: What N counts in the runs; left out, as its column's name or the family says.
        max_condition: Condition number above which the runs do not identify the coefficients; at 1e7 the normal
            equations lose 14 of 16 digits.
    """

    objective: Objective = field(default_factory=Huber)
    starts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    held: tuple[Held, ...] = ()
    n_convention: str = ""
    max_condition: float = 1e7

    def __post_init__(self) -> None:
        for name, values in self.starts.items():
            require(len(values) > 0, f"starts of {name}", "at least one value", "none")
        require(self.max_condition > 1, "max_condition", "above 1", self.max_condition)


def make_model(observations: Observations, family: str, options: FitOptions) -> Model:
    """The family on these runs, with starts, bounds and fixed coefficients."""
    return Model(
        observations,
        find_family(family),
        starts=options.starts,
        bounds=options.bounds,
        fixed=options.fixed | {held.coefficient: held.value for held in options.held},
        tied=options.tied,
    )


def make_problem(model: Model, options: FitOptions) -> FitProblem:
    """What the solver minimises: the model's misfit under the objective."""
    return FitProblem(predict=model.predict, log_loss=model.log_loss, objective=options.objective)


def best_of_starts(
    model: Model,
    options: FitOptions,
    weights: Float[np.ndarray, "fits runs"],
    starts: Float[np.ndarray, "starts coordinates"],
) -> Solutions:
    """The best minimum over all starts for every row of weights, in one batch of rows × starts."""
    num_fits, num_starts = len(weights), len(starts)
    solutions = solve(
        make_problem(model, options),
        np.tile(starts, (num_fits, 1)),
        np.repeat(weights, num_starts, axis=0),
        model.low[None],
        model.high[None],
    )
    best = solutions.value.reshape(num_fits, num_starts).argmin(axis=1) + num_starts * np.arange(num_fits)
    return solutions.take(best)
