"""JSON of how sure a plan's choice is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from optimoe.core.records import same_fields
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.contending import Contending
from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.over_laws import OverLaws
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.confidence.swings import Moved, Swing
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.report.records.plan.space import FamilyRecord, family_record


@dataclass(frozen=True, kw_only=True)
class ChanceRecord:
    """One number of experts under draws of the law.

    Attributes:
        family: What the designs share that have it and are the best most often.
        num_experts: That number; 1 is dense.
        probability: Share of the draws in which designs with as many experts are the best.
    """

    family: FamilyRecord
    num_experts: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class SweepValueRecord:
    """What a sweep of proxies is worth before committing to the plan.

    Attributes:
        num_runs: Number of runs.
        usd: Dollars that they cost.
        worth: What the better decision saves on average, in the ``unit`` of the uncertainty.
        level_before: Standard deviation of ln L of the choice today, the differences between corpora in it; null
            where the law does not know these.
        level_after: The same with the law anchored on the runs.
    """

    num_runs: int
    usd: float | None
    worth: float
    level_before: float | None
    level_after: float | None


@dataclass(frozen=True, kw_only=True)
class BoughtRecord:
    """How much surer runs of one's own have made the loss of the choice.

    Attributes:
        num_runs: Runs that the plan's law was fitted to or anchored on.
        law: The law that one would plan with without them.
        level_before: Standard deviation of ln L of the choice by that law, the level of one more corpus included.
        level_after: The same by the plan's law.
    """

    num_runs: int
    law: str
    level_before: float
    level_after: float


@dataclass(frozen=True, kw_only=True)
class UncertaintyRecord:
    """The choice under draws of the law.

    Attributes:
        draws: Number of draws.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
        mean_regret: What the best family of a draw would save on average, in ``unit``.
        worst_regret: What it would save in 95 % of the draws at most, in ``unit``.
        unit: ``usd``, ``gpu_hours`` where all GPUs are owned, or ``nats``.
        loss_low: Lower end of 90 % of the choice's loss over the draws.
        loss_high: Upper end of 90 % of the choice's loss over the draws.
        sweep: What a sweep of proxies is worth; null where the winner is its own proxy.
        bought: What the runs behind the plan's law have made surer; null of a law of the library.
        kept: Share of the draws in which the choice keeps what the goal asks of its loss; null where that is the
            lowest loss.
        beyond: Variables in which the choice lies beyond the law's range, and ``reading`` where the law is read by
            assumption: what makes draws wider than the law's own.
    """

    draws: int
    chances: tuple[ChanceRecord, ...]
    mean_regret: float | None
    worst_regret: float | None
    unit: Literal["usd", "gpu_hours", "nats"]
    loss_low: float
    loss_high: float
    sweep: SweepValueRecord | None
    bought: BoughtRecord | None
    kept: float | None
    beyond: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SwingEndRecord:
    """What is chosen when one input is moved.

    Attributes:
        at: What the input was moved to.
        family: The family that is then chosen.
        total_usd: Dollars of training and serving of that choice; null without a price.
        loss: Its loss, nats per token.
    """

    at: str
    family: FamilyRecord
    total_usd: float | None
    loss: float


@dataclass(frozen=True, kw_only=True)
class InfeasibleEndRecord:
    """An input moved to where nothing is feasible.

    Attributes:
        at: What the input was moved to.
        feasible: Always false.
    """

    at: str
    feasible: bool = False


@dataclass(frozen=True, kw_only=True)
class SwingRecord:
    """What one input would change, the others as stated.

    Attributes:
        input: The input's name.
        changes_the_choice: Whether some end chooses another number of experts, or has nothing feasible.
        ends: The choice at each end of the input's range.
    """

    input: str
    changes_the_choice: bool
    ends: tuple[SwingEndRecord | InfeasibleEndRecord, ...]


@dataclass(frozen=True, kw_only=True)
class AxisRecord:
    """One thing that designs of the space differ in.

    Attributes:
        name: Such as ``E`` or ``active parameters``.
        values: What contending designs have, smallest first; of a size the two ends.
        space: What all designs have that are feasible in some draw, likewise.
        ranged: Whether it is a size.
        settled: Whether contending designs agree in it.
    """

    name: str
    values: tuple[float | str, ...]
    space: tuple[float | str, ...]
    ranged: bool
    settled: bool


@dataclass(frozen=True, kw_only=True)
class ContendingRecord:
    """Designs that draws of the law, of prices and of demand do not tell from the choice.

    Attributes:
        designs: How many there are, the choice among them.
        of: How many designs were compared.
        share: Their share of these.
        draws: Number of draws.
        axes: What they differ in, and what is settled among them.
    """

    designs: int
    of: int
    share: float
    draws: int
    axes: tuple[AxisRecord, ...]


@dataclass(frozen=True, kw_only=True)
class LawOpinionRecord:
    """One law on the designs of the plan.

    Attributes:
        law: Its name.
        drawn: Whether its coefficients were drawn; otherwise they are taken as published.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
    """

    law: str
    drawn: bool
    chances: tuple[ChanceRecord, ...]


@dataclass(frozen=True, kw_only=True)
class OverLawsRecord:
    """The laws that may rank the choice and other numbers of experts, one for each paper.

    Attributes:
        opinions: Each of them, the plan's own first.
        chances: Over all, each law counted alike.
    """

    opinions: tuple[LawOpinionRecord, ...]
    chances: tuple[ChanceRecord, ...]


@dataclass(frozen=True, kw_only=True)
class OverMoneyRecord:
    """The choice under draws of prices and demand.

    Attributes:
        drawn: What was drawn, with its range.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
    """

    drawn: tuple[str, ...]
    chances: tuple[ChanceRecord, ...]


@dataclass(frozen=True, kw_only=True)
class RelaxedRecord:
    """What some more of a limit gains.

    Attributes:
        by: How much more, in the limit's unit.
        usd: Dollars saved at the choice's loss.
        nats: By how much the lowest loss falls; null where nothing bounds it.
    """

    by: float
    usd: float | None
    nats: float | None


@dataclass(frozen=True, kw_only=True)
class ShadowPriceRecord:
    """The worth of one limit.

    Attributes:
        limit: Its name.
        unit: Such as ``ms``.
        stated: What it is, in that unit.
        binds: Whether a usual change of it gains anything.
        usd_per_unit: Dollars for one more unit, over the usual change.
        nats_per_unit: Nats for one more unit; null where nothing bounds the loss.
        small: Relaxed a little.
        usual: Relaxed as one would negotiate.
    """

    limit: str
    unit: str
    stated: float
    binds: bool
    usd_per_unit: float | None
    nats_per_unit: float | None
    small: RelaxedRecord
    usual: RelaxedRecord


@dataclass(frozen=True, kw_only=True)
class RobustnessRecord:
    """How sure a plan's choice is.

    Attributes:
        uncertainty: The choice under draws of the law; null where the law cannot be drawn.
        unknown: Why it cannot; empty where it can.
        swings: What each input would change.
        contending: The designs that contend with the choice.
        over_laws: What other laws say.
        over_money: What prices and demand would change.
        shadow_prices: The worth of every limit, those that bind first.
    """

    uncertainty: UncertaintyRecord | None
    unknown: str
    swings: tuple[SwingRecord, ...]
    contending: ContendingRecord | None
    over_laws: OverLawsRecord | None
    over_money: OverMoneyRecord | None
    shadow_prices: tuple[ShadowPriceRecord, ...]


def robustness_record(robustness: Robustness, choice: Candidate) -> RobustnessRecord:
    """How sure a choice is; designs by family and dollars."""
    found, contending = robustness.uncertainty, robustness.contending
    laws, money = robustness.over_laws, robustness.over_money
    return RobustnessRecord(
        uncertainty=uncertainty_record(found) if found else None,
        unknown=robustness.unknown,
        swings=tuple(swing_record(swing, choice) for swing in robustness.swings),
        contending=contending_record(contending) if contending else None,
        over_laws=over_laws_record(laws) if laws else None,
        over_money=OverMoneyRecord(drawn=money.drawn, chances=_chances(money.chances)) if money else None,
        shadow_prices=tuple(
            same_fields(
                ShadowPriceRecord,
                price,
                small=same_fields(RelaxedRecord, price.small),
                usual=same_fields(RelaxedRecord, price.usual),
            )
            for price in robustness.shadow_prices
        ),
    )


def contending_record(found: Contending) -> ContendingRecord:
    """The designs that contend with a choice."""
    return same_fields(ContendingRecord, found, axes=tuple(same_fields(AxisRecord, axis) for axis in found.axes))


def over_laws_record(found: OverLaws) -> OverLawsRecord:
    """What other laws say of a choice."""
    opinions = tuple(same_fields(LawOpinionRecord, one, chances=_chances(one.chances)) for one in found.opinions)
    return OverLawsRecord(opinions=opinions, chances=_chances(found.chances))


def _chances(chances: Sequence[Chance]) -> tuple[ChanceRecord, ...]:
    return tuple(
        ChanceRecord(
            family=family_record(one.family), num_experts=one.family.num_experts, probability=one.probability
        )
        for one in chances
    )


def uncertainty_record(found: Uncertainty) -> UncertaintyRecord:
    """The choice under draws of the law."""
    return same_fields(
        UncertaintyRecord,
        found,
        chances=_chances(found.chances),
        sweep=same_fields(SweepValueRecord, found.sweep) if found.sweep else None,
        bought=same_fields(BoughtRecord, found.bought) if found.bought else None,
    )


def swing_record(swing: Swing, choice: Candidate) -> SwingRecord:
    """One input at the ends of its range."""
    return SwingRecord(
        input=swing.name,
        changes_the_choice=swing.changes(choice),
        ends=tuple(_end_record(at, design) for at, design in zip(swing.ends, swing.choices, strict=True)),
    )


def _end_record(at: str, design: Moved | None) -> SwingEndRecord | InfeasibleEndRecord:
    if design is None:
        return InfeasibleEndRecord(at=at)
    return SwingEndRecord(at=at, family=family_record(design.family), total_usd=design.total_usd, loss=design.loss)
