"""JSON of how sure a plan's choice is."""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.records import same_fields
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.robust import Robustness, Swing
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.report.records.plan.space import FamilyRecord, family_record


@dataclass(frozen=True, kw_only=True)
class ChanceRecord:
    """One number of experts under draws of the law.

    Attributes:
        family: What the designs share that have it and are the best most often.
        probability: Share of the draws in which designs with as many experts are the best.
    """

    family: FamilyRecord
    probability: float


@dataclass(frozen=True, kw_only=True)
class SweepValueRecord:
    """What a sweep of proxies is worth before committing to the plan.

    Attributes:
        num_runs: Number of runs.
        usd: Dollars that they cost.
        worth: What the better decision saves on average, in the ``unit`` of the uncertainty.
    """

    num_runs: int
    usd: float | None
    worth: float


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
    """

    draws: int
    chances: tuple[ChanceRecord, ...]
    mean_regret: float | None
    worst_regret: float | None
    unit: Literal["usd", "gpu_hours", "nats"]
    loss_low: float
    loss_high: float
    sweep: SweepValueRecord | None


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
        changes_the_choice: Whether some end chooses another family.
        ends: The choice at each end of the input's range.
    """

    input: str
    changes_the_choice: bool
    ends: tuple[SwingEndRecord | InfeasibleEndRecord, ...]


@dataclass(frozen=True, kw_only=True)
class RobustnessRecord:
    """How sure a plan's choice is.

    Attributes:
        uncertainty: The choice under draws of the law; null where the law cannot be drawn.
        unknown: Why it cannot; empty where it can.
        swings: What each input would change.
    """

    uncertainty: UncertaintyRecord | None
    unknown: str
    swings: tuple[SwingRecord, ...]


def robustness_record(robustness: Robustness, choice: Candidate) -> RobustnessRecord:
    """How sure a choice is; designs by family and dollars."""
    found = robustness.uncertainty
    return RobustnessRecord(
        uncertainty=uncertainty_record(found) if found else None,
        unknown=robustness.unknown,
        swings=tuple(swing_record(swing, choice) for swing in robustness.swings),
    )


def uncertainty_record(found: Uncertainty) -> UncertaintyRecord:
    """The choice under draws of the law."""
    return same_fields(
        UncertaintyRecord,
        found,
        chances=tuple(
            ChanceRecord(family=family_record(one.family), probability=one.probability) for one in found.chances
        ),
        sweep=same_fields(SweepValueRecord, found.sweep) if found.sweep else None,
    )


def swing_record(swing: Swing, choice: Candidate) -> SwingRecord:
    """One input at the ends of its range."""
    return SwingRecord(
        input=swing.name,
        changes_the_choice=swing.changes(choice),
        ends=tuple(_end_record(at, design) for at, design in zip(swing.ends, swing.choices, strict=True)),
    )


def _end_record(at: str, design: Candidate | None) -> SwingEndRecord | InfeasibleEndRecord:
    if design is None:
        return InfeasibleEndRecord(at=at)
    return SwingEndRecord(
        at=at, family=family_record(design.family), total_usd=design.total_usd, loss=design.loss.value
    )
