"""JSON of ``optimoe laws fit``: a law fitted to a table of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, UnsetType

from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting import Coverage, Fit, FitOptions, Held, HoldOut, Interval
from optimoe.laws.fitting.residuals import RunResidual
from optimoe.report.records.laws.library import LawRecord, law_record


@dataclass(frozen=True, kw_only=True)
class RunFlagRecord:
    """A remark on one row of a table of runs.

    Attributes:
        row: Number of the row in its table, from 1.
        run: The run's id; empty when there is none.
        reason: The remark.
        used: Whether the row is still among the observations.
    """

    row: int
    run: str
    reason: str
    used: bool


@dataclass(frozen=True, kw_only=True)
class ObjectiveRecord:
    """What a fit minimises, by its one parameter; least squares has none.

    Attributes:
        delta: Residual at which Huber's loss turns linear.
        degrees: Degrees of freedom of Student's t.
    """

    delta: float | UnsetType = UNSET
    degrees: float | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class HeldRecord:
    """A coefficient that was not fitted, because a variable is constant in the runs.

    Attributes:
        coefficient: Its symbol.
        value: At which it is held.
        reason: What does not vary, and what the coefficient cannot be told from.
    """

    coefficient: str
    value: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class FitOptionsRecord:
    """How a law was fitted.

    Attributes:
        objective: What was minimised.
        starts: Starting values by coefficient, in place of the family's own.
        bounds: Limits by coefficient, in place of the family's own.
        fixed: Coefficients that were given.
        tied: Coefficients that always have the value of another, by symbol.
        max_condition: Condition number above which the runs do not identify the coefficients.
    """

    objective: ObjectiveRecord
    starts: dict[str, tuple[float, ...]]
    bounds: dict[str, tuple[float | None, float | None]]
    fixed: dict[str, float]
    tied: dict[str, str]
    max_condition: float


@dataclass(frozen=True, kw_only=True)
class IntervalRecord:
    """Where a coefficient lies.

    Attributes:
        low: Lower end; null where the runs do not bound it.
        high: Upper end; null where the runs do not bound it.
        std_error: Standard deviation; null when there is none.
        level: Coverage, such as 0.9.
        method: ``bootstrap`` or ``profile``.
    """

    low: float | None
    high: float | None
    std_error: float | None
    level: float
    method: Literal["bootstrap", "profile"]


@dataclass(frozen=True, kw_only=True)
class HoldOutRecord:
    """A prediction of runs that took no part in the fit.

    Attributes:
        rule: Which runs were held out.
        fitted_runs: Runs that were fitted.
        held_runs: Runs that were predicted.
        rmse_log: Root mean square of ln L_law − ln L_run over the held-out runs.
        bias_log: Mean of ln L_law − ln L_run over the held-out runs; positive when the law is too high.
        worst_log: The largest by size.
        rmse_fitted: Root mean square over the fitted runs.
        inside: Share of held-out runs in the band of 90 % that the fit claims.
        converged: Whether the fit to the others converged.
        held: Coefficients that the others could not tell, because a variable is constant in them.
        coefficients: Coefficients of the fit to the others.
    """

    rule: str
    fitted_runs: int
    held_runs: int
    rmse_log: float
    bias_log: float
    worst_log: float
    rmse_fitted: float
    inside: float
    converged: bool
    held: tuple[HeldRecord, ...]
    coefficients: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class CoverageRecord:
    """How often the bootstrap's band of single runs held runs that took no part in the fit.

    Attributes:
        rule: Which runs were left out: ``5 folds``, or the rule of the hold-out.
        runs: How many runs were predicted.
        level: What the band promises.
        inside: Share of them that lay in it.
        mean_width: Mean width of the band, nats.
        mean_width_of_law: Mean width of the law's own band, without the scatter of runs, nats.
        converged: Whether every fit behind it converged.
    """

    rule: str
    runs: int
    level: float
    inside: float
    mean_width: float
    mean_width_of_law: float
    converged: bool


@dataclass(frozen=True, kw_only=True)
class RunResidualRecord:
    """One run beside a law.

    Attributes:
        row: Number of the row in its table, from 1.
        run: The run's id; empty when there is none.
        variables: What the law takes of it, by symbol.
        loss: Measured, in nats per token.
        predicted: The law's; null where it has none.
        residual: ln of measured over predicted; null where there is none.
    """

    row: int
    run: str
    variables: dict[str, float]
    loss: float
    predicted: float | None
    residual: float | None


@dataclass(frozen=True, kw_only=True)
class FitRecord:
    """A fitted law with what is known about it.

    Attributes:
        law: Coefficients, fitted range and residual.
        verdict: ``sound``, ``at_bound``, ``ill_conditioned``, ``not_converged``, ``too_few_runs`` or ``reduced``.
        at_bound: Coefficients that sit at a limit.
        condition: Condition number of the Jacobian of ln L; null where it is infinite.
        weakest: Coefficients that the runs determine least.
        objective_name: What was minimised.
        objective: Its value, the sum over runs.
        scale: Residual scale of Student-t residuals; 1 otherwise.
        residual_scale: Robust standard deviation of ln L_law − ln L_run, 1.4826·MAD; a δ is held against it.
        rmse_log: Root mean square of ln L_law − ln L_run.
        runs: Rows fitted.
        starts: Starting points tried.
        agree: Starting points that ended at the best objective.
        converged_starts: Starting points that converged at all.
        start: The starting point that won, by coefficient.
        outliers: Rows far from the law, all of them used in the fit.
        excluded: Rows that were left out of the table.
        remarks: On the table as a whole: points of curves, runs listed twice, two populations.
        options: How it was fitted.
        coefficients: Values by symbol.
        held: Coefficients that were not fitted, because a variable is constant in the runs.
        unidentified: Coefficients of which the runs say nothing, and why; they have no interval, but those at a
            limit one side.
        intervals: Interval of each identified coefficient by symbol, and of those at a limit from one side; empty
            without resamples.
        holdout: The test on runs that were not fitted; null where none were held out.
        coverage: How often the band holds runs that its fit has not seen, by folds and of the hold-out.
        residuals: Runs beside the law: all, or of very many every second, third, … of them.
    """

    law: LawRecord
    verdict: FitVerdict
    at_bound: tuple[str, ...]
    condition: float | None
    weakest: tuple[str, ...]
    objective_name: str
    objective: float
    scale: float
    residual_scale: float
    rmse_log: float
    runs: int
    starts: int
    agree: int
    converged_starts: int
    start: dict[str, float]
    outliers: tuple[RunFlagRecord, ...]
    excluded: tuple[RunFlagRecord, ...]
    remarks: tuple[str, ...]
    options: FitOptionsRecord
    coefficients: dict[str, float]
    held: tuple[HeldRecord, ...]
    unidentified: dict[str, str]
    intervals: dict[str, IntervalRecord]
    holdout: HoldOutRecord | None
    coverage: tuple[CoverageRecord, ...]
    residuals: tuple[RunResidualRecord, ...]


def residual_records(found: Sequence[RunResidual]) -> tuple[RunResidualRecord, ...]:
    """Runs beside a law."""
    return tuple(same_fields(RunResidualRecord, one) for one in found)


def fit_record(
    fitted: Fit,
    intervals: Mapping[str, Interval],
    test: HoldOut | None,
    coverage: Sequence[Coverage] = (),
    residuals: Sequence[RunResidual] = (),
) -> FitRecord:
    """A fit with its intervals, its test on runs that it has not seen, and how often its band holds such runs."""
    return same_fields(
        FitRecord,
        fitted,
        law=law_record(fitted.law),
        outliers=tuple(same_fields(RunFlagRecord, flag) for flag in fitted.outliers),
        excluded=tuple(same_fields(RunFlagRecord, flag) for flag in fitted.excluded),
        options=fit_options_record(fitted.options),
        intervals={symbol: same_fields(IntervalRecord, interval) for symbol, interval in intervals.items()},
        held=_held_records(fitted.held),
        coverage=tuple(same_fields(CoverageRecord, one) for one in coverage),
        residuals=residual_records(residuals),
        holdout=same_fields(HoldOutRecord, test, held=_held_records(test.held)) if test else None,
    )


def _held_records(held: Sequence[Held]) -> tuple[HeldRecord, ...]:
    return tuple(same_fields(HeldRecord, one) for one in held)


def fit_options_record(options: FitOptions) -> FitOptionsRecord:
    """How a law was fitted; an objective is known by its parameter."""
    objective = options.objective
    return same_fields(
        FitOptionsRecord,
        options,
        objective=ObjectiveRecord(
            delta=getattr(objective, "delta", UNSET), degrees=getattr(objective, "degrees", UNSET)
        ),
    )
