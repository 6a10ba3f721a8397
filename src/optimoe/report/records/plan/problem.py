"""JSON of what is asked of a plan: training, ways to serve, goal, designs and data."""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.provenance import Basis
from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.planner.problem.data import Data
from optimoe.planner.problem.family import BestRatio, Family
from optimoe.planner.problem.goal import CountedDollars, Goal, LeastCost, LowestLoss
from optimoe.planner.problem.kinds import AttentionKind, DenseLayerWidth
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training
from optimoe.report.records.deployment import (
    AcceleratorRecord,
    DeploymentRecord,
    PriceRecord,
    accelerator_record,
    deployment_record,
    price_record,
)
from optimoe.report.records.training import TrainRunRecord, train_run_record


@dataclass(frozen=True, kw_only=True)
class FamilyRecord:
    """Designs that differ in width and depth alone.

    Attributes:
        num_experts: Routed experts per layer, E; 1 is dense.
        top_k: Routed experts per token, k.
        ffn_ratio: Width of one expert, or of the dense feed-forward, over d_model.
        expert_attention_ratio: FLOPs in expert layers over those in attention layers; 0 where ``ffn_ratio`` sets
            the width.
        num_shared_experts: Experts that every token uses.
        num_kv_heads: Key-value heads of grouped attention.
        attention: ``mha``, ``gqa`` or ``mla``.
        moe_every: Every so many layers one routes; 1 is all of them.
        first_dense_layers: Layers at the bottom that do not route.
        dense_layer_width: ``active`` where layers that do not route are as wide as all experts of a token, or
            ``expert``.
    """

    num_experts: int
    top_k: int
    ffn_ratio: float
    expert_attention_ratio: float
    num_shared_experts: int
    num_kv_heads: int
    attention: AttentionKind
    moe_every: int
    first_dense_layers: int
    dense_layer_width: DenseLayerWidth


@dataclass(frozen=True, kw_only=True)
class GivenMfuRecord:
    """One model FLOPs utilisation for every design.

    Attributes:
        mfu: The utilisation: 6ND and what routing takes beyond it over the time at the bf16 peak.
        basis: How it is known: measured or assumed.
    """

    mfu: float
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class PredictedMfuRecord:
    """The utilisation of each design in its best layout, as the cost model predicts it.

    Attributes:
        scale: Measured over predicted utilisation of the user's own runs.
    """

    scale: float


@dataclass(frozen=True, kw_only=True)
class TrainingBudgetRecord:
    """Hardware and budget of the training run.

    Attributes:
        accelerator: The GPU.
        price: Price of a GPU hour.
        utilisation: Model FLOPs utilisation, given or predicted.
        run: Cluster, batch and trainer; null where nobody said on how many GPUs.
        budget_flops: Most FLOPs to spend, 6ND and what routing takes beyond it; null for no limit.
        budget_gpu_s: Most GPU-seconds to spend; null for no limit.
        routing_flops_per_weight: FLOPs of routing a training token, for each weight of the routers; 6ND holds 6.
    """

    accelerator: AcceleratorRecord
    price: PriceRecord
    utilisation: GivenMfuRecord | PredictedMfuRecord
    run: TrainRunRecord | None
    budget_flops: float | None
    budget_gpu_s: float | None
    routing_flops_per_weight: float


@dataclass(frozen=True, kw_only=True)
class LowestLossRecord:
    """The goal of the lowest loss within limits on dollars.

    Attributes:
        kind: The name of the goal.
        total_usd: Most dollars for training and serving together; null for no limit.
        usd_per_mtok: Most dollars per million output tokens; null for no limit.
    """

    kind: Literal["LowestLoss"] = "LowestLoss"
    total_usd: float | None
    usd_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class LeastCostRecord:
    """The goal of the least dollars at a loss.

    Attributes:
        kind: The name of the goal.
        max_loss: Most nats per token.
        count: Which dollars are minimised: ``total`` or ``serving``.
    """

    kind: Literal["LeastCost"] = "LeastCost"
    max_loss: float
    count: CountedDollars


@dataclass(frozen=True, kw_only=True)
class NearBestRecord:
    """The goal of the least dollars near the lowest loss L of the budget.

    Attributes:
        kind: The name of the goal.
        loss_slack: Loss that may be given up, as a share of L.
        slack_nats: Loss that may be given up, in nats per token.
        count: Which dollars are minimised: ``total`` or ``serving``.
    """

    kind: Literal["NearBest"] = "NearBest"
    loss_slack: float
    slack_nats: float
    count: CountedDollars


@dataclass(frozen=True, kw_only=True)
class BestRatioRecord:
    """The ratio of expert to attention FLOPs that is best by Li et al. 2026.

    Attributes:
        train_flops: FLOPs of the whole run.
    """

    train_flops: float


@dataclass(frozen=True, kw_only=True)
class SpaceRecord:
    """The designs to choose from.

    Attributes:
        num_experts: Expert counts E to compare; 1 is dense.
        top_k: Routed experts per token.
        ffn_ratio: Widths of one expert over d_model; a dense feed-forward takes the largest.
        expert_attention_ratio: Ratios of FLOPs in experts to those in attention, or the best one of a law.
        num_shared_experts: Shared experts of the models that route.
        num_kv_heads: Key-value heads of grouped attention.
        attention: Kinds of attention.
        moe_every: Of the models that route, every so many layers one does.
        first_dense_layers: Layers at the bottom of these models that do not route.
        dense_layer_width: Width of the feed-forwards of layers that do not route: ``active`` or ``expert``.
        params_total: Parameters that every design stores; null for any.
        params_tolerance: How far from that a design may be, relatively.
        min_aspect: Least d_model over num_layers.
        max_aspect: Most d_model over num_layers.
        head_dim: Width of a head.
        vocab_size: Rows of the embedding.
        max_width: Largest d_model.
        exhaustive: Whether every design is priced even where there are very many.
    """

    num_experts: tuple[int, ...]
    top_k: tuple[int, ...]
    ffn_ratio: tuple[float, ...]
    expert_attention_ratio: tuple[float, ...] | BestRatioRecord
    num_shared_experts: tuple[int, ...]
    num_kv_heads: tuple[int, ...]
    attention: tuple[AttentionKind, ...]
    moe_every: tuple[int, ...]
    first_dense_layers: tuple[int, ...]
    dense_layer_width: DenseLayerWidth
    params_total: float | None
    params_tolerance: float
    min_aspect: float
    max_aspect: float
    head_dim: int
    vocab_size: int
    max_width: int
    exhaustive: bool


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The training tokens at hand.

    Attributes:
        unique_tokens: Distinct tokens; null for no limit.
        repeats: Whether they may be seen again.
    """

    unique_tokens: float | None
    repeats: bool


@dataclass(frozen=True, kw_only=True)
class ProblemRecord:
    """What is asked of a plan.

    Attributes:
        training: Hardware and budget of the run.
        deployments: Ways to serve, of which each design takes the cheapest.
        lifetime_tokens: Output tokens over the model's life.
        law: The loss law's name.
        law_verdict: Verdict of the fit behind it; null where none is stated, as of published laws.
        allow_unsound: Whether a law whose fit failed was allowed.
        goal: What counts as best.
        space: The designs to choose from.
        data: The training tokens at hand.
    """

    training: TrainingBudgetRecord
    deployments: tuple[DeploymentRecord, ...]
    lifetime_tokens: float
    law: str
    law_verdict: FitVerdict | None
    allow_unsound: bool
    goal: LowestLossRecord | LeastCostRecord | NearBestRecord
    space: SpaceRecord
    data: DataRecord


def family_record(family: Family) -> FamilyRecord:
    """What designs of different width and depth share."""
    return same_fields(FamilyRecord, family)


def problem_record(problem: Problem) -> ProblemRecord:
    """The question of a plan."""
    return ProblemRecord(
        training=training_budget_record(problem.training),
        deployments=tuple(deployment_record(deployment) for deployment in problem.deployments),
        lifetime_tokens=problem.lifetime_tokens,
        law=problem.law.row.name,
        law_verdict=problem.law.row.evidence.verdict,
        allow_unsound=problem.allow_unsound,
        goal=goal_record(problem.goal),
        space=space_record(problem.space),
        data=data_record(problem.data),
    )


def training_budget_record(training: Training) -> TrainingBudgetRecord:
    """Hardware and budget of the training run."""
    return same_fields(
        TrainingBudgetRecord,
        training,
        accelerator=accelerator_record(training.accelerator),
        price=price_record(training.price),
        utilisation=utilisation_record(training.utilisation),
        run=train_run_record(training.run) if training.run else None,
    )


def utilisation_record(utilisation: GivenMfu | PredictedMfu) -> GivenMfuRecord | PredictedMfuRecord:
    """How well the hardware is used."""
    if isinstance(utilisation, GivenMfu):
        return same_fields(GivenMfuRecord, utilisation)
    return same_fields(PredictedMfuRecord, utilisation)


def goal_record(goal: Goal) -> LowestLossRecord | LeastCostRecord | NearBestRecord:
    """What counts as best, by its kind."""
    if isinstance(goal, LowestLoss):
        return LowestLossRecord(total_usd=goal.total_usd, usd_per_mtok=goal.usd_per_mtok)
    if isinstance(goal, LeastCost):
        return LeastCostRecord(max_loss=goal.max_loss, count=goal.count)
    return NearBestRecord(loss_slack=goal.loss_slack, slack_nats=goal.slack_nats, count=goal.count)


def space_record(space: Space) -> SpaceRecord:
    """The designs to choose from."""
    ratio = space.expert_attention_ratio
    if isinstance(ratio, BestRatio):
        best = BestRatioRecord(train_flops=ratio.train_flops)
        return same_fields(SpaceRecord, space, expert_attention_ratio=best)
    return same_fields(SpaceRecord, space)


def data_record(data: Data) -> DataRecord:
    """The training tokens at hand."""
    return same_fields(DataRecord, data)
