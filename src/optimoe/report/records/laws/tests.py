"""JSON of ``optimoe laws compare-families``, ``next-runs`` and ``curve``: laws against runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting import Fit, LossCurve, NextRuns, Score
from optimoe.laws.law import LawRow
from optimoe.report.records.laws.library import LawRecord, law_record


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """One family in a comparison.

    Attributes:
        family: Its name.
        coefficients: How many are fitted.
        cv_rmse_log: Root mean square error of ln L on the folds that were left out.
        cv_std_error: Of it, from the spread over folds.
        cv_converged: Share of the folds whose fit converged.
        held_rmse_log: Root mean square error on the runs that a rule holds out; null without one.
        held_converged: Whether the fit behind it converged.
        rmse_log: On all runs, fitted to all runs.
        aic: Akaike's criterion with its correction for few runs, of a fit with Student-t residuals.
        bic: Schwarz's criterion of the same fit.
        verdict: Of the fit to all runs.
    """

    family: str
    coefficients: int
    cv_rmse_log: float
    cv_std_error: float
    cv_converged: float
    held_rmse_log: float | None
    held_converged: bool
    rmse_log: float
    aic: float | None
    bic: float
    verdict: FitVerdict


@dataclass(frozen=True, kw_only=True)
class ScoresRecord:
    """Families on one table of runs, the least error on folds first.

    Attributes:
        scores: One a family.
    """

    scores: tuple[ScoreRecord, ...]


@dataclass(frozen=True, kw_only=True)
class NextRunRecord:
    """A run that is worth doing.

    Attributes:
        candidate: Its number among the candidates, from 1.
        variables: The design, by symbol.
        cost: Of the run, in the unit of the budget.
        loss: What the fitted law expects, nats per token.
    """

    candidate: int
    variables: dict[str, float]
    cost: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class NextRunsRecord:
    """Runs to do next, in the order of choosing.

    Attributes:
        law: The law fitted to the runs at hand.
        verdict: Of that fit.
        criterion: What is shrunk: ``D`` all coefficients, ``I`` the loss at a target, ``decision`` the best size.
        candidates: How many designs there were to choose from.
        chosen: The runs.
        cost: Of all of them.
        budget: What they may cost.
        before: Standard deviation of what is to be shrunk, from the runs at hand.
        after: The same with the chosen runs added.
    """

    law: LawRecord
    verdict: FitVerdict
    criterion: Literal["D", "I", "decision"]
    candidates: int
    chosen: tuple[NextRunRecord, ...]
    cost: float
    budget: float
    before: float | None
    after: float | None


@dataclass(frozen=True, kw_only=True)
class LossCurveRecord:
    """A training curve against a law, in the order of tokens.

    Attributes:
        run: Its id.
        tokens: D of each point.
        measured: Nats per token.
        predicted: The law at the same D.
        log_ratio: ln(measured/predicted).
        rmse_log: Root mean square of it.
        last_log: At the last point.
        scale_log: Mean of it over the second half of the tokens: what one scale would take away.
        shape_log: Root mean square of it over that half, after that scale.
        within: Share of the tokens from which on the curve stays within one per cent of the law; null where it
            never does.
    """

    run: str
    tokens: tuple[float, ...]
    measured: tuple[float, ...]
    predicted: tuple[float, ...]
    log_ratio: tuple[float, ...]
    rmse_log: float
    last_log: float
    scale_log: float
    shape_log: float
    within: float | None


@dataclass(frozen=True, kw_only=True)
class LossCurvesRecord:
    """Training curves against one law.

    Attributes:
        law: Coefficients and evidence.
        curves: One a run.
    """

    law: LawRecord
    curves: tuple[LossCurveRecord, ...]


def scores_record(scores: Sequence[Score]) -> ScoresRecord:
    """Families, the least error first."""
    return ScoresRecord(scores=tuple(same_fields(ScoreRecord, score) for score in scores))


def next_runs_record(
    found: NextRuns,
    fitted: Fit,
    criterion: Literal["D", "I", "decision"],
    budget: float,
    designs: Mapping[str, np.ndarray],
    costs: np.ndarray,
    losses: np.ndarray,
) -> NextRunsRecord:
    """The chosen runs with their designs, costs and expected losses."""
    return same_fields(
        NextRunsRecord,
        found,
        law=law_record(fitted.law),
        verdict=fitted.verdict,
        criterion=criterion,
        candidates=len(costs),
        budget=budget,
        chosen=tuple(
            NextRunRecord(
                candidate=number + 1,
                variables={name: float(column[number]) for name, column in designs.items()},
                cost=float(costs[number]),
                loss=float(losses[number]),
            )
            for number in found.chosen
        ),
    )


def curves_record(curves: Sequence[LossCurve], law: LawRow) -> LossCurvesRecord:
    """Training curves beside a law."""
    columns = ("tokens", "measured", "predicted", "log_ratio")
    return LossCurvesRecord(
        law=law_record(law),
        curves=tuple(
            same_fields(LossCurveRecord, curve, **{name: tuple(getattr(curve, name).tolist()) for name in columns})
            for curve in curves
        ),
    )
