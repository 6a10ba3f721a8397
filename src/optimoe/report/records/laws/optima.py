"""JSON of ``optimoe laws isoflop``, ``frontier`` and ``ratio``: what is best at equal FLOPs."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.fitting import DrawnNumber, IsoFlopAnalysis, LawFrontier, RatioAnalysis
from optimoe.laws.fitting.answers.frontier import FrontierPoint
from optimoe.laws.fitting.answers.isoflop import IsoFlop, LawMinimum
from optimoe.laws.fitting.answers.ratio import RatioBudget, RatioLine
from optimoe.laws.law import LawRow
from optimoe.report.records.laws.library import LawRecord, law_record


@dataclass(frozen=True, kw_only=True)
class DrawnNumberRecord:
    """A number with its interval.

    Attributes:
        value: The number; null where there is none, such as the minimum of a parabola that opens downwards.
        low: Lower end of the interval; null without draws.
        high: Upper end; null without draws.
        level: Of the interval, such as 0.9.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float


@dataclass(frozen=True, kw_only=True)
class LawMinimumRecord:
    """The best size of one law at one budget.

    Attributes:
        law: Its name.
        params: Minimum of the law along the budget, the other variables as in its runs.
        params_parabola: The parabola's answer if the runs lay exactly on the law; null where it has no minimum.
        bias_log: ln(params_parabola/params): what the parabola itself gets wrong.
        inside: Whether the minimum lies between the sizes of the parabola.
        at_edge: Whether the minimum lies at the end of the sizes that were looked at.
    """

    law: str
    params: DrawnNumberRecord
    params_parabola: float | None
    bias_log: float | None
    inside: bool
    at_edge: bool


@dataclass(frozen=True, kw_only=True)
class IsoFlopRecord:
    """One budget of an IsoFLOP analysis.

    Attributes:
        train_flops: C.
        runs: How many runs it has.
        window: How many of them the parabola goes through.
        params: Minimum of the parabola of L in ln N.
        tokens: Tokens there, read off the runs.
        loss: Loss there, nats per token; null where the parabola has no minimum.
        scatter_log: Root mean square of L_run/L_parabola − 1 in the window.
        inside: Whether the minimum lies between the sizes of the window.
        laws: The minimum of each law.
    """

    train_flops: float
    runs: int
    window: int
    params: DrawnNumberRecord
    tokens: DrawnNumberRecord
    loss: float | None
    scatter_log: float
    inside: bool
    laws: tuple[LawMinimumRecord, ...]


@dataclass(frozen=True, kw_only=True)
class IsoFlopAnalysisRecord:
    """All budgets, and the powers of C that the best sizes and tokens follow.

    Attributes:
        size: The variable that stands for size, N or N_act.
        budgets: One entry a budget, ascending.
        params: Exponent a of N_opt ∝ C^a through the parabolas' minima that lie inside.
        tokens: Exponent b of D_opt ∝ C^b through the tokens there.
        laws: Exponent a of each law's minima at the same budgets, by name.
        skipped: Budgets with too few sizes, in words.
        asked: The laws.
    """

    size: str
    budgets: tuple[IsoFlopRecord, ...]
    params: DrawnNumberRecord
    tokens: DrawnNumberRecord
    laws: dict[str, DrawnNumberRecord]
    skipped: tuple[str, ...]
    asked: tuple[LawRecord, ...]


@dataclass(frozen=True, kw_only=True)
class FrontierPointRecord:
    """The best design of one budget.

    Attributes:
        train_flops: C = 6ND.
        params: The size with the least loss.
        tokens: C/(6N).
        tokens_per_param: D/N.
        loss: Nats per token.
        decades_beyond: How far outside the law's fitted range the point lies, |log10| summed over its variables.
    """

    train_flops: float
    params: DrawnNumberRecord
    tokens: DrawnNumberRecord
    tokens_per_param: DrawnNumberRecord
    loss: DrawnNumberRecord
    decades_beyond: float


@dataclass(frozen=True, kw_only=True)
class LawFrontierRecord:
    """The best designs of one law over budgets.

    Attributes:
        law: Coefficients and evidence.
        size: The law's variable that is traded against tokens, N or N_act.
        others: Its other variables, as they were set.
        points: One a budget, ascending.
        params: Exponent a of N_opt ∝ C^a over these budgets.
        tokens: Exponent b of D_opt ∝ C^b.
        draws: How many draws stand behind the intervals; 0 for none.
    """

    law: LawRecord
    size: str
    others: dict[str, str]
    points: tuple[FrontierPointRecord, ...]
    params: DrawnNumberRecord
    tokens: DrawnNumberRecord
    draws: int


@dataclass(frozen=True, kw_only=True)
class FrontiersRecord:
    """The frontiers of several laws.

    Attributes:
        frontiers: One a law, in the order in which they were asked.
    """

    frontiers: tuple[LawFrontierRecord, ...]


@dataclass(frozen=True, kw_only=True)
class RatioBudgetRecord:
    """The runs of one sparsity, one budget and one size: only r, FLOPs of experts over attention, differs.

    Attributes:
        sparsity: S.
        train_flops: C.
        flops_per_token: C/D; null where the runs have no tokens.
        runs: How many it has.
        window: How many of them the parabola goes through.
        ratio: r at its minimum.
        loss: Loss there, nats per token; null where the parabola has no minimum.
        flat_low: The ratio below it that costs 0.001 nats; null likewise.
        flat_high: The same above.
        inside: Whether runs bracket the minimum; others count in no line.
        rule: r* of Li 2026 as printed, at this S and C.
    """

    sparsity: float
    train_flops: float
    flops_per_token: float | None
    runs: int
    window: int
    ratio: DrawnNumberRecord
    loss: float | None
    flat_low: float | None
    flat_high: float | None
    inside: bool
    rule: float


@dataclass(frozen=True, kw_only=True)
class RatioLineRecord:
    """The power law of one sparsity, r* = α_r·C^β_r.

    Attributes:
        sparsity: S.
        budgets: How many different budgets have a minimum that runs bracket.
        factor: α_r.
        exponent: β_r.
        middle_flops: The geometric mean of these budgets; null without any.
        middle_ratio: r* there.
    """

    sparsity: float
    budgets: int
    factor: DrawnNumberRecord
    exponent: DrawnNumberRecord
    middle_flops: float | None
    middle_ratio: DrawnNumberRecord


@dataclass(frozen=True, kw_only=True)
class RatioAnalysisRecord:
    """r* at each budget and sparsity, and what it follows.

    Attributes:
        verdict: sound, reduced (one sparsity), too_few_runs, ill_conditioned (growth may be zero) or at_bound.
        budgets: By sparsity and budget, ascending.
        lines: One a sparsity, ascending.
        alpha0: Factor of α_r = α0·(1−S)^α1.
        alpha1: Its exponent.
        beta0: Factor of β_r = β0·(1−S)^β1.
        beta1: Its exponent.
        swept: Lowest and highest ratio of the runs.
        falls: Where r* falls from one budget to the next, in words.
        skipped: Groups with fewer than four ratios, in words.
    """

    verdict: FitVerdict
    budgets: tuple[RatioBudgetRecord, ...]
    lines: tuple[RatioLineRecord, ...]
    alpha0: DrawnNumberRecord
    alpha1: DrawnNumberRecord
    beta0: DrawnNumberRecord
    beta1: DrawnNumberRecord
    swept: tuple[float, float]
    falls: tuple[str, ...]
    skipped: tuple[str, ...]


def ratio_record(analysis: RatioAnalysis) -> RatioAnalysisRecord:
    """The best ratios of runs and their law."""
    numbers = ("alpha0", "alpha1", "beta0", "beta1")
    return same_fields(
        RatioAnalysisRecord,
        analysis,
        budgets=tuple(map(_ratio_budget, analysis.budgets)),
        lines=tuple(map(_ratio_line, analysis.lines)),
        **{name: _estimate(getattr(analysis, name)) for name in numbers},
    )


def isoflop_record(analysis: IsoFlopAnalysis, laws: Sequence[LawRow]) -> IsoFlopAnalysisRecord:
    """An IsoFLOP analysis with the laws that were asked."""
    return same_fields(
        IsoFlopAnalysisRecord,
        analysis,
        budgets=tuple(map(_budget, analysis.budgets)),
        params=_estimate(analysis.params),
        tokens=_estimate(analysis.tokens),
        laws={name: _estimate(one) for name, one in analysis.laws.items()},
        asked=tuple(map(law_record, laws)),
    )


def frontiers_record(frontiers: Sequence[LawFrontier], laws: Sequence[LawRow]) -> FrontiersRecord:
    """The frontiers of laws, with their coefficients."""
    return FrontiersRecord(
        frontiers=tuple(
            same_fields(
                LawFrontierRecord,
                frontier,
                law=law_record(law),
                points=tuple(map(_point, frontier.points)),
                params=_estimate(frontier.params),
                tokens=_estimate(frontier.tokens),
            )
            for frontier, law in zip(frontiers, laws, strict=True)
        )
    )


def _ratio_budget(budget: RatioBudget) -> RatioBudgetRecord:
    return same_fields(RatioBudgetRecord, budget, ratio=_estimate(budget.ratio))


def _ratio_line(line: RatioLine) -> RatioLineRecord:
    numbers = ("factor", "exponent", "middle_ratio")
    return same_fields(RatioLineRecord, line, **{name: _estimate(getattr(line, name)) for name in numbers})


def _budget(budget: IsoFlop) -> IsoFlopRecord:
    return same_fields(
        IsoFlopRecord,
        budget,
        params=_estimate(budget.params),
        tokens=_estimate(budget.tokens),
        laws=tuple(map(_minimum, budget.laws)),
    )


def _minimum(minimum: LawMinimum) -> LawMinimumRecord:
    return same_fields(LawMinimumRecord, minimum, params=_estimate(minimum.params))


def _point(point: FrontierPoint) -> FrontierPointRecord:
    numbers = ("params", "tokens", "tokens_per_param", "loss")
    return same_fields(FrontierPointRecord, point, **{name: _estimate(getattr(point, name)) for name in numbers})


def _estimate(one: DrawnNumber) -> DrawnNumberRecord:
    return same_fields(DrawnNumberRecord, one)
