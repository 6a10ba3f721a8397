"""How a family is fitted to several corpora, and the problem that the batched solver gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require_positive
from optimoe.laws.fitting.hierarchy.model import GroupedModel
from optimoe.laws.fitting.hierarchy.objective import GroupedStudentT
from optimoe.laws.fitting.priors import GaussianPrior
from optimoe.laws.fitting.solve import FitProblem, Points, Solutions, solve
from optimoe.laws.runs import Observations


@dataclass(frozen=True, kw_only=True)
class HierarchyOptions:
    """How a family is fitted to several corpora at once.

    Attributes:
        degrees: ν of the Student-t residuals of ln L.
        starts: Starting values by coefficient, in place of the family's own; all combinations are looked at.
        bounds: Limits by coefficient, likewise.
        fixed: Coefficients that are given.
        tied: Coefficients that always have the value of another, by symbol.
        num_starts: How many starts, the best of all combinations, are fitted.
        weights: Of the runs of a corpus, where its rows are worth more or less than one run each.
        residual_scale: Residuals of ln L that a corpus is taken to have before its runs are seen (assumed:
            finished runs of the public corpora scatter by 0.003 to 0.02).
        residual_runs: Runs that this is worth (assumed).
        prior_degrees: ν of the priors; infinite where they are normal.
        max_condition: As of a plain fit.
        n_convention: What N counts; empty where the tables' columns say it.
    """

    degrees: float = 4.0
    starts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    tied: dict[str, str] = field(default_factory=dict)
    num_starts: int = 8
    weights: dict[str, float] = field(default_factory=dict)
    residual_scale: float = 0.01
    residual_runs: float = 2.0
    prior_degrees: float = np.inf
    max_condition: float = 1e7
    n_convention: str = ""

    def __post_init__(self) -> None:
        require_positive(self, "degrees", "num_starts", "residual_scale", "residual_runs", "prior_degrees")


def make_grouped_model(
    groups: Mapping[str, Observations],
    family: str,
    per_group: tuple[str, ...],
    options: HierarchyOptions,
    prior: GaussianPrior | None,
) -> GroupedModel:
    """The family on the runs of these corpora."""
    return GroupedModel(
        groups,
        family,
        per_group,
        starts=options.starts,
        bounds=options.bounds,
        fixed=options.fixed,
        tied=options.tied,
        prior=prior,
    )


def make_objective(model: GroupedModel, options: HierarchyOptions) -> GroupedStudentT:
    """Residuals with a scale of each corpus beside the rows of priors."""
    return GroupedStudentT(
        group=model.group,
        degrees=options.degrees,
        scale=options.residual_scale,
        scale_runs=options.residual_runs,
        prior_degrees=options.prior_degrees,
    )


def solve_grouped(
    model: GroupedModel,
    options: HierarchyOptions,
    starts: Points,
    *,
    weights: np.ndarray | None = None,
    targets: np.ndarray | None = None,
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
) -> Solutions:
    """Minimise from every start; weights, targets and bounds are the model's own where none are given."""
    problem = FitProblem(
        predict=model.predict,
        log_loss=model.targets() if targets is None else targets,
        objective=make_objective(model, options),
        scales=len(model.groups),
    )
    return solve(
        problem,
        starts,
        model.weights(options.weights)[None] if weights is None else weights,
        model.low[None] if low is None else low,
        model.high[None] if high is None else high,
    )


def laplace_covariance(
    model: GroupedModel,
    options: HierarchyOptions,
    point: Float[np.ndarray, " coordinates"],
    scale: Float[np.ndarray, " groups"],
) -> tuple[Float[np.ndarray, "coordinates coordinates"], Float[np.ndarray, "coordinates rows"]]:
    """(Inverse of the expected curvature at a point, slopes of all rows there in standard deviations).

    Coordinates that are fixed or at a limit have no variance.
    """
    _, slope = model.predict(point[None])
    bend = model.weights(options.weights)
    bend[: model.num_runs] *= make_objective(model, options).information(scale[None])[0]
    rows = slope[0] * np.sqrt(bend)
    free = (model.low < model.high) & (point > model.low) & (point < model.high)
    covariance = np.zeros((len(point), len(point)))
    size = np.linalg.norm(rows[free], axis=1)
    size = np.where(size > 0, size, 1.0)
    unit = rows[free] / size[:, None]
    covariance[np.ix_(free, free)] = np.linalg.pinv(unit @ unit.T, hermitian=True) / np.outer(size, size)
    return covariance, rows
