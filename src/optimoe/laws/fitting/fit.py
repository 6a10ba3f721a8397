"""The front door: a table of runs and a family in, a law with a verdict out."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, require
from optimoe.core.results.shown import Drawn
from optimoe.laws.catalog import FAMILIES, find_family, save_law
from optimoe.laws.evidence import Evidence, FitVerdict
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.residuals import outliers, populations
from optimoe.laws.fitting.setup.objective import residual_scale
from optimoe.laws.fitting.setup.problem import FitOptions, Held, make_model, make_problem
from optimoe.laws.fitting.setup.row import law_row, n_convention, taken_from_elsewhere
from optimoe.laws.fitting.setup.sample import LARGE_TABLE, sampled
from optimoe.laws.fitting.setup.settle import settle
from optimoe.laws.fitting.solve import Points, Solutions, solve
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Flag, Observations

AGREE_REL = 1e-6
"""Objectives this close are one minimum: the solver stops at 1e-13, other minima lie further off."""
DISAGREE = 0.1
"""Equal objectives this far apart in a coordinate: the runs do not identify it."""
ROUNDING_PER_RUN = 1e-20
"""An objective below this per run is rounding: runs without noise."""
VANISHED = 1e-4
"""A term that moves ln L by less, everywhere, is far below the noise of any training run."""
EDGE_REL = 1e-6
"""A coordinate this close to its limit is at it."""
LISTED_REASONS, LISTED_ROWS = 8, 5
"""Reasons for leaving rows out, and such rows, that a law file lists: it is read by people."""
WEAK_SHARE = 0.5
"""Coefficients with half of the largest share in the weakest direction are named with it."""
FOLLOWED = 3
NEARLY_AS_GOOD = 0.02
"""Of the objective: minima of a sample of 4,000 rows this close (a standard error of the mean of squares) may
change places on all rows."""
SPARE_RUNS = 3
"""Runs beyond the free coefficients that a sound fit has. With one (6 runs, 5 coefficients) intervals of 90 % hold
the planted truth in about 70 % of repeats, with three in 88 % and more (``benchmarks/fit_coverage.py``)."""


@runtime_checkable
class Coordinates(Protocol):
    """What moves in a fit: names and limits.

    Attributes:
        names: Of the coordinates.
        low: Lower limits.
        high: Upper limits.
    """

    names: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Fit(Drawn):
    """A fitted law with what is known about it.

    Attributes:
        law: Coefficients, fitted range, rmse; :func:`optimoe.laws.catalog.save_law` writes it for ``--law FILE``.
        verdict: ``sound``; ``at_bound``: a coefficient sits at its limit or a term has vanished;
            ``ill_conditioned``: the runs do not identify the coefficients, by the condition number or because
            starts end apart at one objective; ``not_converged``; ``too_few_runs``: nothing else is wrong, but
            fewer than three runs are left beyond the free coefficients; ``reduced``: sound, but a variable is
            constant in the runs, and a smaller family was fitted (``held``).
        at_bound: Which coefficients.
        condition: Of the Jacobian of ln L with columns of unit length, in the coordinates of the fit.
        weakest: The coefficients that move most along the direction the runs determine least.
        objective_name: What was minimised.
        objective: Its value, the sum over runs.
        scale: Residual scale of Student-t residuals; 1 otherwise.
        residual_scale: Robust standard deviation of ln L_law − ln L_run, 1.4826·MAD; a δ is held against it.
        rmse_log: Root mean square of ln L_law − ln L_run.
        runs: Rows fitted.
        starts: How many were tried; on a sample of 4,000 rows where there are over 10,000.
        converged: Whether the best of them converged.
        agree: How many ended at the best objective (within 1e-6 of it).
        converged_starts: How many converged at all.
        start: The start that won, by coefficient.
        outliers: Rows far from the law, all of them used in the fit.
        excluded: Rows that were left out of the table, with reasons.
        remarks: On the table as a whole: points of curves, runs listed twice, two populations.
        options: How it was fitted.
    """

    law: LawRow
    verdict: FitVerdict
    at_bound: tuple[str, ...]
    condition: float
    weakest: tuple[str, ...]
    objective_name: str
    objective: float
    scale: float
    residual_scale: float
    rmse_log: float
    runs: int
    starts: int
    converged: bool
    agree: int
    converged_starts: int
    start: dict[str, float]
    outliers: tuple[Flag, ...]
    excluded: tuple[Flag, ...]
    remarks: tuple[str, ...]
    options: FitOptions

    def __repr__(self) -> str:
        """The law, the verdict and the error in one line."""
        agree = f"{self.agree} of {self.starts} starts agree"
        return f"Fit({self.law.name}, {self.verdict}, {self.runs} runs, rmse {self.rmse_log:.3g}, {agree})"

    def save(self, path: str | Path) -> Path:
        """Write the law as a file that ``--law`` and :func:`optimoe.find_law` read.

        Raises:
            InputError: The place cannot be written.
        """
        save_law(self.law, Path(path))
        return Path(path)

    @property
    def coefficients(self) -> dict[str, float]:
        """The law's coefficients by symbol."""
        return self.law.coefficients

    @property
    def free(self) -> int:
        """How many coefficients were fitted: those that are neither fixed, held nor tied to another."""
        options = self.options
        given = {*options.fixed, *options.tied, *(held.coefficient for held in options.held)}
        return len(self.coefficients.keys() - given)

    @property
    def held(self) -> tuple[Held, ...]:
        """Coefficients that were not fitted, because a variable is constant in the runs."""
        return self.options.held

    @property
    def unidentified(self) -> dict[str, str]:
        """Coefficients of which the runs say nothing, and why: an interval of theirs would be one of a limit."""
        reasons = {name: "trades against others" for name in self.weakest if self.verdict == "ill_conditioned"}
        reasons |= dict.fromkeys(self.at_bound, "at its limit") | dict.fromkeys(self.options.fixed, "fixed")
        elsewhere = taken_from_elsewhere(find_family(self.law.family), self.options.fixed)
        reasons |= {name: f"that of {law}" for name, law in elsewhere.items()}
        reasons |= {held.coefficient: held.reason for held in self.held}
        for follower, name in self.options.tied.items():
            if follower in reasons or name in reasons:
                reason = reasons.get(name, reasons.get(follower, ""))
                reasons |= {follower: reason, name: reason}
        return reasons


def fit(
    observations: Observations,
    family: str,
    options: FitOptions | None = None,
    *,
    name: str = "",
) -> Fit:
    """Fit a family of laws to runs, from many starts at once.

    Args:
        observations: The runs; variables are called as in the family.
        family: Its name, a law of it, or ``my_law.py:MyLaw`` for a class in a file of yours.
        options: Objective, starts, bounds.
        name: Of the law that comes out.

    Raises:
        ConfigError: A variable is missing, there are fewer runs than coefficients, or no start could be
            evaluated.
    """
    # starts are tried on a sample of a long table, and the minima found there are followed on all of its rows
    some = sampled(observations) if len(observations) > LARGE_TABLE else observations
    options = settle(some, family, options or FitOptions())
    model = make_model(some, family, options)
    num_free = int((model.low < model.high).sum())
    require(len(observations) > num_free, "observations", f"more than {num_free} runs", len(observations))
    starts = model.starts()
    if model.family.family not in FAMILIES:  # the gradients of built-in laws are checked by tests
        model.check_gradient(starts)
    tried = _solved(model, options, starts)
    best = int(np.argmin(tried.value))
    if not np.isfinite(tried.value[best]):
        raise ConfigError(f"family {model.family.family}: cannot be evaluated at any of {len(starts)} starts")
    solution = tried.take(np.array([best]))
    if some is not observations:
        model = make_model(observations, family, options)
        polished = _solved(model, options, tried.points[_minima(tried)])
        solution = polished.take(np.array([np.argmin(polished.value)]))
    return _describe(observations, model, options, starts, tried, solution, name)


def _solved(model: Model, options: FitOptions, starts: Points) -> Solutions:
    """The minimum from every start, on the runs of the model."""
    weights = np.ones((1, len(model.log_loss)))
    return solve(make_problem(model, options), starts, weights, model.low[None], model.high[None])


def _minima(tried: Solutions) -> list[int]:
    """The best solution, and at most two others that lie elsewhere and are nearly as good."""
    order = np.argsort(tried.value)
    minima = [int(order[0])]
    for other in order[1:].tolist():
        near = tried.value[other] <= tried.value[order[0]] * (1 + NEARLY_AS_GOOD)
        apart = all(
            disagreement(tried.points[[other, known]], tried.points[known]).max() > DISAGREE for known in minima
        )
        if near and apart and len(minima) < FOLLOWED:
            minima.append(other)
    return minima


def _describe(
    observations: Observations,
    model: Model,
    options: FitOptions,
    starts: Points,
    tried: Solutions,
    solution: Solutions,
    name: str,
) -> Fit:
    point, value, best = solution.points[0], float(solution.value[0]), int(np.argmin(tried.value))
    coefficients = {key: float(number) for key, number in model.coefficients(point).items()}
    predicted, jacobian = model.predict(point[None])
    residual = predicted[0] - model.log_loss
    at_bound = _at_bound(model, point, jacobian[0])
    condition, weakest = conditioning(model, point, jacobian[0])
    rmse = float(np.sqrt(np.mean(residual**2)))
    least = float(tried.value[best])
    agreeing = tried.value <= least + AGREE_REL * abs(least) + ROUNDING_PER_RUN * len(observations)
    spread = disagreement(tried.points[agreeing], tried.points[best])
    ill_conditioned = condition > options.max_condition or bool((spread > DISAGREE).any())
    if condition <= options.max_condition and ill_conditioned:
        weakest = tuple(key for key, part in zip(model.names, spread, strict=True) if part > DISAGREE)
    fitted = Fit(
        law=law_row(observations, model, options, coefficients, rmse, name),
        verdict=verdict_of(
            bool(solution.converged[0]),
            ill_conditioned,
            bool(at_bound),
            len(observations) < int((model.low < model.high).sum()) + SPARE_RUNS,
            bool(options.held),
        ),
        at_bound=at_bound,
        condition=condition,
        weakest=weakest,
        objective_name=options.objective.name,
        objective=value,
        scale=float(solution.scale[0, 0]),
        residual_scale=residual_scale(residual),
        rmse_log=rmse,
        runs=len(observations),
        starts=len(starts),
        converged=bool(solution.converged[0]),
        agree=int(agreeing.sum()),
        converged_starts=int(tried.converged.sum()),
        start={key: float(number) for key, number in model.coefficients(starts[best]).items()},
        outliers=outliers(observations, residual),
        excluded=observations.flags,
        remarks=observations.remarks + populations(observations, residual, tuple(model.variables)),
        options=options,
    )
    return replace(fitted, law=replace(fitted.law, evidence=_evidence(fitted, observations, model)))


def _evidence(fitted: Fit, observations: Observations, model: Model) -> Evidence:
    """What the law file says of the fit; draws and tests on unseen runs are added where they are made."""
    left_out = [flag for flag in fitted.excluded if not flag.used]
    reasons = Counter(flag.reason for flag in left_out).most_common()
    excluded = dict(reasons[:LISTED_REASONS])
    if len(reasons) > LISTED_REASONS:
        excluded["other reasons"] = sum(count for _, count in reasons[LISTED_REASONS:])
    return Evidence(
        verdict=fitted.verdict,
        at_bound=fitted.at_bound,
        weakest=fitted.weakest,
        held=tuple(held.coefficient for held in fitted.held),
        condition=fitted.condition,
        objective=fitted.objective_name,
        objective_value=fitted.objective,
        runs=fitted.runs,
        outliers=len(fitted.outliers),
        remarks=fitted.remarks,
        excluded=excluded,
        excluded_rows=tuple(
            f"row {flag.row}{flag.run and f' ({flag.run})'}: {flag.reason}" for flag in left_out[:LISTED_ROWS]
        ),
        files=observations.files,
        n_basis=n_convention(observations, model.family, fitted.options.n_convention)[1],
    )


def verdict_of(converged: bool, ill_conditioned: bool, at_bound: bool, few: bool, reduced: bool) -> FitVerdict:
    """What a reader needs to know first of a fit: the verdict that explains the others."""
    # The order is that of use to a reader: what explains the others comes first.
    if ill_conditioned:  # also the usual reason why a fit does not converge
        return "ill_conditioned"
    if not converged:
        return "not_converged"
    if at_bound:
        return "at_bound"
    if few:
        return "too_few_runs"
    return "reduced" if reduced else "sound"


def disagreement(points: Points, point: Float[np.ndarray, " coordinates"]) -> Float[np.ndarray, " coordinates"]:
    """How far apart, by coordinate and relative to 1 + |value|, the starts ended that reached one objective.

    Runs that determine the coefficients bring every such start to the same place.
    """
    if len(points) < 2:
        return np.zeros_like(point)
    return (points.max(axis=0) - points.min(axis=0)) / (1 + np.abs(point))


def _at_bound(model: Model, point: np.ndarray, jacobian: np.ndarray) -> tuple[str, ...]:
    """Coefficients at a limit, and positive linear ones whose term is nowhere above 1e-4 of the loss."""
    edge = EDGE_REL * (1 + np.abs(point))
    limit = (model.low < model.high) & ((point <= model.low + edge) | (point >= model.high - edge))
    vanished = np.array([name in model.positive_terms for name in model.names])
    vanished &= np.abs(jacobian).max(axis=1) < VANISHED
    return tuple(name for name, hit in zip(model.names, limit | vanished, strict=True) if hit)


def conditioning(model: Coordinates, point: np.ndarray, jacobian: np.ndarray) -> tuple[float, tuple[str, ...]]:
    """Condition number of the Jacobian with unit columns, and the coefficients that are weakest determined.

    Coordinates that are fixed or at a limit do not count. The weakest are those with at least half of the
    largest share in the last right singular vector.
    """
    free = (model.low < model.high) & (point > model.low) & (point < model.high)
    columns = jacobian[free]
    size = np.linalg.norm(columns, axis=1)
    names = [name for name, taken in zip(model.names, free, strict=True) if taken]
    if not len(names):
        return 1.0, ()
    if (size <= np.finfo(float).tiny).any():
        return float("inf"), tuple(name for name, length in zip(names, size, strict=True) if not length)
    triangle = np.linalg.qr((columns / size[:, None]).T, mode="r")  # as exact, and small for any number of runs
    _, singular, right = np.linalg.svd(triangle, full_matrices=False)
    share = np.abs(right[-1])
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")
    return condition, tuple(
        name for name, part in zip(names, share, strict=True) if part >= WEAK_SHARE * share.max()
    )
