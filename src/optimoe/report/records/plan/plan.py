"""JSON of a plan: the choice, what stands beside it, and what the answer rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.core.provenance import Assumption, Basis
from optimoe.core.records import same_fields
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.explain.chain import Link
from optimoe.planner.explain.checks import check_commands
from optimoe.planner.problem.kinds import Searched
from optimoe.planner.result import LawChoice, Plan
from optimoe.report.records.plan.alternatives import AlternativeRecord, InfeasibleFamilyRecord, alternative_record
from optimoe.report.records.plan.candidate import CandidateRecord, candidate_record
from optimoe.report.records.plan.confidence import RobustnessRecord, robustness_record
from optimoe.report.records.plan.problem import ProblemRecord, problem_record
from optimoe.report.records.plan.scored import LabRecord, ScoredRecord, lab_record, scored_record
from optimoe.report.records.served.evidence import AnswerEvidenceRecord, evidence_record


@dataclass(frozen=True, kw_only=True)
class LawViewRecord:
    """The loss-optimal design of one law within the same budget and limits.

    Attributes:
        law: The law's name.
        source: Paper and place.
        num_experts: Its best number of experts; 1 is dense.
        params_active: What one token touches in that design.
        tokens: Training tokens of that design.
        tokens_per_param: Training tokens per active parameter.
        loss: Nats per token on that law's own corpus; not comparable between laws.
        routed: Whether the law may choose between numbers of experts.
        decades_beyond: How far outside its fitted range, |log10| by symbol; 0 inside.
        assumed: Whether the law reads the design by a mapping.
    """

    law: str
    source: str
    num_experts: int
    params_active: int
    tokens: float
    tokens_per_param: float
    loss: float
    routed: bool
    decades_beyond: dict[str, float]
    assumed: bool


@dataclass(frozen=True, kw_only=True)
class LawChoiceRecord:
    """What one law answers to the whole question.

    Attributes:
        law: The law's name.
        source: Paper and place.
        choice: Its choice, at its own loss; null where it has none.
        reason: Why it has none; empty where it has.
    """

    law: str
    source: str
    choice: CandidateRecord | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class AssumptionRecord:
    """One number that the plan rests on.

    Attributes:
        name: The number's name in words.
        value: The value with its unit.
        basis: How it was obtained: measured, published, fitted, derived or assumed.
        source: Paper, table, vendor page or option that it comes from.
    """

    name: str
    value: str
    basis: Basis
    source: str


@dataclass(frozen=True, kw_only=True)
class TraceRecord:
    """How the choice was found.

    Attributes:
        searched: The whole space, or the designs near an earlier plan alone: a plan without ``near`` corrects it.
        space: Designs of the space.
        first: The same as ``listed``.
        whole: Whether every point was priced, and the choice so the best of the space.
        first_best: Always null.
        best: What is minimised in the end.
        deployments: Ways to serve; a point is a design on one of them.
        listed: Designs whose loss was computed: all, or a coarse list of every family and all around the best.
        priced_points: Points that were priced.
        priced_designs: Designs of these.
        estimated_points: Points of the listed designs whose price is an estimate.
        promising: Designs that may still be better than the choice by the margins of these estimates.
        not_looked_at: Designs of which nothing was computed.
    """

    searched: Searched
    space: int
    first: int
    whole: bool
    first_best: float | None
    best: float | None
    deployments: int
    listed: int
    priced_points: int
    priced_designs: int
    estimated_points: int
    promising: int
    not_looked_at: int


@dataclass(frozen=True, kw_only=True)
class LinkRecord:
    """One number on the way from the inputs to the choice.

    Attributes:
        name: The number's name.
        formula: How it follows from earlier ones, with their values.
        value: The value with its unit.
        basis: How it was obtained: measured, published, fitted, derived or assumed.
        source: Where the formula or the number stands.
    """

    name: str
    formula: str
    value: str
    basis: Basis
    source: str


@dataclass(frozen=True, kw_only=True)
class PlanRecord:
    """Which model to train, beside what, why, and what the answer rests on.

    Attributes:
        problem: The question.
        choice: The design to train.
        evidence: What was measured of the choice's deployment, and what widens its band of TPOT.
        lowest_loss: The design of the lowest loss that the whole budget reaches; null without a budget.
        best_dense: The dense model of the lowest loss within the budget; null without a budget or dense designs.
        alternatives: The cheapest design of every family at the choice's loss.
        front: Loss against serving price of designs trained on the whole budget.
        scored: The user's own models, at the choice's loss and on the whole budget.
        labs: What labs trained with about this compute: reference, no part of the choice.
        laws: What each law would train.
        by_law: The plan's own law and each that was asked beside it, with its choice; empty where none was.
        reasons: Why this design and not another.
        warnings: What to be careful about.
        assumptions: Every number that the plan rests on, with its source.
        check_commands: Commands that give the choice's serving and training again, given where plan.json and
            winner/ are written; of unusual engines and of runs without a layout there is none.
        trace: How the choice was found.
        robustness: How sure the choice is; null where it was left out.
        chain: The numbers from the inputs to the choice; only with ``--explain``.
    """

    problem: ProblemRecord
    choice: CandidateRecord
    evidence: AnswerEvidenceRecord
    lowest_loss: CandidateRecord | None
    best_dense: CandidateRecord | None
    alternatives: tuple[AlternativeRecord | InfeasibleFamilyRecord, ...]
    front: tuple[CandidateRecord, ...]
    scored: tuple[ScoredRecord, ...]
    labs: tuple[LabRecord, ...]
    laws: tuple[LawViewRecord, ...]
    by_law: tuple[LawChoiceRecord, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[AssumptionRecord, ...]
    check_commands: tuple[str, ...]
    trace: TraceRecord
    robustness: RobustnessRecord | None
    chain: tuple[LinkRecord, ...] | UnsetType = UNSET


def plan_record(
    plan: Plan, robustness: Robustness | None = None, chain: Sequence[Link] | None = None
) -> PlanRecord:
    """A plan, with how sure it is and the chain of its numbers where they were asked for."""
    return same_fields(
        PlanRecord,
        plan,
        problem=problem_record(plan.problem),
        choice=candidate_record(plan.choice),
        evidence=evidence_record(plan.choice.evidence),
        lowest_loss=candidate_record(plan.lowest_loss) if plan.lowest_loss else None,
        best_dense=candidate_record(plan.best_dense) if plan.best_dense else None,
        alternatives=tuple(alternative_record(item) for item in plan.alternatives),
        front=tuple(candidate_record(member) for member in plan.front),
        scored=tuple(scored_record(one) for one in plan.scored),
        labs=tuple(lab_record(one) for one in plan.labs),
        laws=tuple(same_fields(LawViewRecord, view) for view in plan.laws),
        by_law=tuple(_law_choice(one) for one in plan.by_law),
        assumptions=tuple(assumption_record(one) for one in plan.assumptions),
        check_commands=check_commands(plan),
        trace=same_fields(TraceRecord, plan.trace, first=plan.trace.listed, first_best=None),
        robustness=robustness_record(robustness, plan.choice) if robustness else None,
        chain=UNSET if chain is None else tuple(same_fields(LinkRecord, link) for link in chain),
    )


def _law_choice(one: LawChoice) -> LawChoiceRecord:
    choice = candidate_record(one.candidate) if one.candidate else None
    return same_fields(LawChoiceRecord, one, choice=choice)


def assumption_record(assumption: Assumption) -> AssumptionRecord:
    """One number that a result rests on."""
    return same_fields(AssumptionRecord, assumption)
