"""JSON of a plan: the choice, its alternatives, and what the answer rests on."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.arch.memory import main_format
from optimoe.core.provenance import Assumption, Basis
from optimoe.core.records import same_fields
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.explain.chain import Link
from optimoe.planner.result import Alternative, Plan, Scored
from optimoe.report.records.arch import DesignRecord, design_record
from optimoe.report.records.deployment import LayoutRecord, layout_record
from optimoe.report.records.plan.confidence import RobustnessRecord, robustness_record
from optimoe.report.records.plan.problem import FamilyRecord, ProblemRecord, family_record, problem_record
from optimoe.report.records.served.evidence import AnswerEvidenceRecord, evidence_record
from optimoe.report.records.training import TrainLayoutRecord, train_layout_record


@dataclass(frozen=True, kw_only=True)
class PlannedDesignRecord(DesignRecord):
    """The shape of a design with its parameters.

    Attributes:
        params_total: Everything stored, both embeddings included.
        params_active: What one token touches, both embeddings included.
    """

    params_total: int
    params_active: int


@dataclass(frozen=True, kw_only=True)
class NoTrainLayoutRecord:
    """No layout of a training run: nobody said on how many GPUs."""


@dataclass(frozen=True, kw_only=True)
class CandidateRecord:
    """One design with its numbers.

    Attributes:
        arch: Its shape and parameters.
        family: What it shares with designs of other widths and depths.
        tokens: Training tokens, repeated ones counted again.
        passes: Training tokens over the distinct ones at hand; 0 where those are not limited.
        loss: Nats per token, as the law predicts it.
        loss_low: Lower end of the law's band; null where its fit error is not known.
        loss_high: Upper end of the law's band; null where its fit error is not known.
        train_flops: FLOPs of the run, 6·N_act·D.
        routing_flops: FLOPs that routing takes beyond that, which the budget pays too.
        mfu: Model FLOPs utilisation of the run: 6ND over the time at the bf16 peak.
        train_gpu_hours: GPU hours of the run.
        train_layout: How the run is split; empty where the cluster is not known.
        train_usd: Dollars of training; null without a price.
        serve_usd: Dollars of the lifetime's tokens; null without a price.
        total_usd: Dollars of training and serving; null without a price.
        usd_per_mtok: Dollars per million output tokens; null without a price.
        ttft_s: Mean time to the first token.
        tpot_s: Mean time per output token after the first.
        tpot_low_s: Lower end of TPOT's band: 90 % of measured errors.
        tpot_high_s: Upper end of TPOT's band.
        tokens_per_s: Output tokens per second of one deployment.
        concurrency: Requests in flight in one deployment.
        max_batch: Most requests in flight whose full contexts fit the memory.
        gpu: The accelerator that serves.
        num_gpus: GPUs of one deployment.
        precision: Precision of the weights while serving.
        kv_precision: Precision of the cache.
        layout: Degrees of parallelism of one deployment.
        bound_by: The cause that takes the largest share of TPOT.
        parts: Seconds of TPOT by cause.
        serve_gpu_hours: GPU hours of the lifetime's tokens, every deployment busy.
        decades_beyond: How far outside the law's fitted range, |log10| by the law's symbols; 0 inside.
        assumed: Whether the law reads the design by a mapping, which widens the band of its loss.
    """

    arch: PlannedDesignRecord
    family: FamilyRecord
    tokens: float
    passes: float
    loss: float
    loss_low: float | None
    loss_high: float | None
    train_flops: float
    routing_flops: float
    mfu: float
    train_gpu_hours: float
    train_layout: TrainLayoutRecord | NoTrainLayoutRecord
    train_usd: float | None
    serve_usd: float | None
    total_usd: float | None
    usd_per_mtok: float | None
    ttft_s: float
    tpot_s: float
    tpot_low_s: float
    tpot_high_s: float
    tokens_per_s: float
    concurrency: float
    max_batch: float
    gpu: str
    num_gpus: int
    precision: str
    kv_precision: str
    layout: LayoutRecord
    bound_by: str
    parts: dict[str, float]
    serve_gpu_hours: float
    decades_beyond: dict[str, float]
    assumed: bool


@dataclass(frozen=True, kw_only=True)
class AlternativeRecord(CandidateRecord, FamilyRecord):
    """The cheapest design of a family at the choice's loss, the family's own fields first."""


@dataclass(frozen=True, kw_only=True)
class InfeasibleFamilyRecord(FamilyRecord):
    """A family of which no design reaches the choice's loss within the limits, or that the law may not rank.

    Attributes:
        feasible: Always false.
        not_ranked: Why the law may rank none of the family; empty where it may.
    """

    feasible: bool = False
    not_ranked: str = ""


@dataclass(frozen=True, kw_only=True)
class ScoredRecord:
    """A model of the user's own beside the plan's designs.

    Attributes:
        name: The model's name.
        speculated: Why its shape is no maker's statement; empty where it is.
        candidate: The model trained to the choice's loss; null where it cannot be served or trained, does not
            reach it, or the law may not rank it.
        in_budget: The model trained on the whole budget; null likewise, and without a budget.
        not_ranked: Why the law may not rank it; empty where it may.
        concerns: What no run behind the law had, of a model that it may rank.
    """

    name: str
    speculated: str
    candidate: CandidateRecord | None
    in_budget: CandidateRecord | None
    not_ranked: str
    concerns: tuple[str, ...]


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
        space: Designs of the space.
        first: Designs that were priced first: all, or a coarse grid.
        whole: Whether those were all, and the choice so the best of the space.
        first_best: What is minimised (dollars or nats) after the first pricing; null where nothing was feasible.
        best: What is minimised in the end.
    """

    space: int
    first: int
    whole: bool
    first_best: float | None
    best: float | None


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
        alternatives: The cheapest design of every family at the choice's loss.
        front: Loss against serving price of designs trained on the whole budget.
        scored: The user's own models, at the choice's loss and on the whole budget.
        laws: What each law would train.
        reasons: Why this design and not another.
        warnings: What to be careful about.
        assumptions: Every number that the plan rests on, with its source.
        trace: How the choice was found.
        robustness: How sure the choice is; null where it was left out.
        chain: The numbers from the inputs to the choice; only with ``--explain``.
    """

    problem: ProblemRecord
    choice: CandidateRecord
    evidence: AnswerEvidenceRecord
    lowest_loss: CandidateRecord | None
    alternatives: tuple[AlternativeRecord | InfeasibleFamilyRecord, ...]
    front: tuple[CandidateRecord, ...]
    scored: tuple[ScoredRecord, ...]
    laws: tuple[LawViewRecord, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[AssumptionRecord, ...]
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
        alternatives=tuple(alternative_record(item) for item in plan.alternatives),
        front=tuple(candidate_record(member) for member in plan.front),
        scored=tuple(scored_record(one) for one in plan.scored),
        laws=tuple(same_fields(LawViewRecord, view) for view in plan.laws),
        assumptions=tuple(assumption_record(one) for one in plan.assumptions),
        trace=same_fields(TraceRecord, plan.trace),
        robustness=robustness_record(robustness, plan.choice) if robustness else None,
        chain=UNSET if chain is None else tuple(same_fields(LinkRecord, link) for link in chain),
    )


def candidate_record(candidate: Candidate) -> CandidateRecord:
    """A design with its numbers, flat."""
    training, deployment, serving = candidate.training, candidate.deployment, candidate.serving
    tpot = candidate.tpot_band_s
    return same_fields(
        CandidateRecord,
        candidate,
        arch=planned_design_record(candidate),
        family=family_record(candidate.family),
        loss=candidate.loss.value,
        loss_low=candidate.loss.low,
        loss_high=candidate.loss.high,
        train_flops=training.flops,
        routing_flops=training.routing_flops,
        mfu=training.mfu,
        train_gpu_hours=training.gpu_hours,
        train_layout=train_layout_record(training.layout) if training.layout else NoTrainLayoutRecord(),
        tpot_low_s=tpot.low,
        tpot_high_s=tpot.high,
        tokens_per_s=serving.tokens_per_s,
        concurrency=serving.concurrency,
        max_batch=serving.max_batch,
        gpu=deployment.cluster.accelerator.name,
        num_gpus=deployment.cluster.num_gpus,
        precision=main_format(deployment.serves(candidate.spec)),
        kv_precision=deployment.cache_format(candidate.spec),
        layout=layout_record(serving.layout),
        bound_by=serving.bound_by,
        parts=serving.parts,
    )


def planned_design_record(candidate: Candidate) -> PlannedDesignRecord:
    """The shape of a candidate with its parameters."""
    return same_fields(
        PlannedDesignRecord,
        design_record(candidate.spec),
        params_total=candidate.params.total,
        params_active=candidate.params.active,
    )


def alternative_record(item: Alternative) -> AlternativeRecord | InfeasibleFamilyRecord:
    """A family at the choice's loss."""
    family = family_record(item.family)
    if item.candidate is None:
        return same_fields(InfeasibleFamilyRecord, family, feasible=False, not_ranked=item.not_ranked)
    return AlternativeRecord(**vars(family), **vars(candidate_record(item.candidate)))


def scored_record(scored: Scored) -> ScoredRecord:
    """A model of the user's own."""
    return ScoredRecord(
        name=scored.spec.name,
        speculated=scored.spec.speculated,
        candidate=candidate_record(scored.candidate) if scored.candidate else None,
        in_budget=candidate_record(scored.in_budget) if scored.in_budget else None,
        not_ranked=scored.not_ranked,
        concerns=scored.concerns,
    )


def assumption_record(assumption: Assumption) -> AssumptionRecord:
    """One number that a result rests on."""
    return same_fields(AssumptionRecord, assumption)
