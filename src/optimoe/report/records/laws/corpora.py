"""JSON of laws over several corpora, of fits with a prior, and of ``optimoe laws anchor``."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting.anchoring import Anchored
from optimoe.laws.fitting.hierarchy import HierarchicalFit, HierarchyDraws, LeftOut
from optimoe.laws.fitting.residuals import RunResidual
from optimoe.report.records.laws.fits import IntervalRecord, RunResidualRecord, residual_records
from optimoe.report.records.laws.library import LawRecord, law_record


@dataclass(frozen=True, kw_only=True)
class CorpusRecord:
    """One corpus of a fit over several.

    Attributes:
        runs: Rows fitted.
        effects: What it has of its own: ``scale`` as a factor, others as a difference of coordinates.
        residual_scale: Student-t scale of its residuals of ln L.
        rmse_log: Root mean square of ln L_law − ln L_run.
        coefficients: Of its own law, plain coefficients of the family.
    """

    runs: int
    effects: dict[str, float]
    residual_scale: float
    rmse_log: float
    coefficients: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class CarriedRecord:
    """Errors on a corpus that was left out, root mean squares in nats.

    Attributes:
        unchanged: Of the law as it stands.
        scale: After one factor for all runs.
        offset: After one difference for all runs.
        both: After scale and offset.
        one_run: After the factor that one run gives, on the others; median over the runs.
    """

    unchanged: float
    scale: float
    offset: float
    both: float
    one_run: float


@dataclass(frozen=True, kw_only=True)
class HeldBandRecord:
    """A band of 90 % against runs that it was not made from.

    Attributes:
        inside: Share of runs inside.
        half_width: Mean half width, nats.
        rmse: Of the middle of the band, nats.
    """

    inside: float
    half_width: float
    rmse: float


@dataclass(frozen=True, kw_only=True)
class LeftOutRecord:
    """A corpus predicted from the others.

    Attributes:
        corpus: Its name.
        runs: How many it has.
        coefficients: Of the law of the others.
        verdict: Of their fit.
        carried: Errors of that law.
        unseen: Its band without any run of the corpus.
        after_one_run: Its band after one run.
        after_scale: Its band after all runs gave its level.
    """

    corpus: str
    runs: int
    coefficients: dict[str, float]
    verdict: FitVerdict
    carried: CarriedRecord
    unseen: HeldBandRecord
    after_one_run: HeldBandRecord
    after_scale: HeldBandRecord


@dataclass(frozen=True, kw_only=True)
class CorporaFitRecord:
    """A law over several corpora, or over one with a prior.

    Attributes:
        law: The shared law; of one's own corpus, where another law was the prior.
        verdict: As of a plain fit; priors and spread count as information.
        at_bound: Coordinates that sit at a limit.
        condition: Condition number of all that was minimised; null where it is infinite.
        weakest: Coordinates that are determined least.
        objective_name: What was minimised.
        objective: Its value.
        starts: Starting points fitted.
        agree: Starting points that ended at the best objective.
        converged_starts: Starting points that converged at all.
        coefficients: Of the shared law, by symbol.
        intervals: Of each coefficient by symbol; empty without resamples.
        corpora: By name.
        effects: What each corpus has of its own, in the order of ``covariance``.
        spread: Standard deviation of each over corpora.
        covariance: Of the effects over corpora, in the coordinates of the fit.
        learned: By shared coefficient with a prior, standard deviation after the runs over that before.
        basis: Where the prior and the spread come from; empty where they were stated or estimated.
        left_out: Each corpus predicted from the others; empty where it was not asked for.
    """

    law: LawRecord
    verdict: FitVerdict
    at_bound: tuple[str, ...]
    condition: float | None
    weakest: tuple[str, ...]
    objective_name: str
    objective: float
    starts: int
    agree: int
    converged_starts: int
    coefficients: dict[str, float]
    intervals: dict[str, IntervalRecord]
    corpora: dict[str, CorpusRecord]
    effects: tuple[str, ...]
    spread: dict[str, float]
    covariance: tuple[tuple[float, ...], ...]
    learned: dict[str, float]
    basis: str
    left_out: tuple[LeftOutRecord, ...]


@dataclass(frozen=True, kw_only=True)
class MovedEffectRecord:
    """One way in which the runs' corpus differs from the law.

    Attributes:
        name: ``scale``, or a coefficient.
        value: The scale as a factor, others as a difference in the coordinates of a fit.
        std: Standard deviation after the runs, of ln scale or that coordinate.
        prior_std: Before them.
        free: Whether the runs could move it at all.
        identified: Whether they halved what was not known of it.
    """

    name: str
    value: float
    std: float
    prior_std: float
    free: bool
    identified: bool


@dataclass(frozen=True, kw_only=True)
class AnchoredRecord:
    """A law on the level of one's own runs.

    Attributes:
        law: The anchored law.
        coefficients: Its values by symbol.
        effects: Scale and floor, before and after.
        basis: Where draws and spread come from.
        runs: How many there were.
        residual_scale: Of ln L around the anchored law.
        rmse_log: Of the runs themselves.
        more_runs: Further, larger runs that would identify the floor; 0 where none are needed, −1 beyond 32.
        statement: What the runs changed, in one line.
        residuals: Runs beside the anchored law: all, or of very many every second, third, … of them.
    """

    law: LawRecord
    coefficients: dict[str, float]
    effects: tuple[MovedEffectRecord, ...]
    basis: str
    runs: int
    residual_scale: float
    rmse_log: float
    more_runs: int
    statement: str
    residuals: tuple[RunResidualRecord, ...]


def corpora_record(
    fitted: HierarchicalFit,
    drawn: HierarchyDraws | None,
    left_out: Sequence[LeftOut],
    *,
    level: float,
    basis: str = "",
) -> CorporaFitRecord:
    """A law over corpora with intervals of its coefficients, its corpora and their spread."""
    # with another law as prior, the law that comes out is that of one's own corpus
    own = next(iter(fitted.runs)) if basis else None
    law = fitted.corpora[own] if own else fitted.law
    return same_fields(
        CorporaFitRecord,
        fitted,
        law=law_record(law),
        coefficients=law.coefficients,
        intervals=_intervals(drawn.coefficients(own), level) if drawn else {},
        corpora={
            name: CorpusRecord(
                runs=runs,
                effects=fitted.effects[name],
                residual_scale=fitted.residual_scale[name],
                rmse_log=fitted.rmse_log[name],
                coefficients=fitted.corpora[name].coefficients,
            )
            for name, runs in fitted.runs.items()
        },
        effects=fitted.spread.names,
        spread=fitted.spread.std(),
        covariance=tuple(tuple(map(float, row)) for row in fitted.spread.covariance),
        basis=basis,
        left_out=tuple(
            same_fields(
                LeftOutRecord,
                one,
                carried=same_fields(CarriedRecord, one.carried),
                unseen=same_fields(HeldBandRecord, one.unseen),
                after_one_run=same_fields(HeldBandRecord, one.after_one_run),
                after_scale=same_fields(HeldBandRecord, one.after_scale),
            )
            for one in left_out
        ),
    )


def _intervals(columns: dict[str, np.ndarray], level: float) -> dict[str, IntervalRecord]:
    ends = (0.5 - level / 2, 0.5 + level / 2)
    return {
        name: IntervalRecord(
            low=float(np.quantile(values, ends[0])),
            high=float(np.quantile(values, ends[1])),
            std_error=float(np.std(values, ddof=1)),
            level=level,
            method="bootstrap",
        )
        for name, values in columns.items()
        if np.ptp(values) > 0
    }


def anchored_record(found: Anchored, residuals: Sequence[RunResidual]) -> AnchoredRecord:
    """An anchored law, what the runs changed, and the runs beside it."""
    return same_fields(
        AnchoredRecord,
        found,
        law=law_record(found.law),
        coefficients=found.law.coefficients,
        effects=tuple(same_fields(MovedEffectRecord, effect) for effect in found.effects),
        residuals=residual_records(residuals),
    )
