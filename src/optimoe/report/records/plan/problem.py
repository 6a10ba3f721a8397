"""JSON of what is asked of a plan: training, ways to serve, goal, designs and data."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.laws.evidence import FitVerdict
from optimoe.planner.problem.data import Data
from optimoe.planner.problem.problem import Problem
from optimoe.report.records.deployment import (
    DeploymentRecord,
    deployment_record,
)
from optimoe.report.records.plan.goal import LeastCostRecord, LowestLossRecord, NearBestRecord, goal_record
from optimoe.report.records.plan.space import SpaceRecord, space_record
from optimoe.report.records.plan.training import TrainingBudgetRecord, training_budget_record


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
class TrafficRecord:
    """What a model answers over its life.

    Attributes:
        lifetime_tokens: Output tokens over the life; their prompts come with them.
        life_s: Seconds of the life.
        rated: Whether a rate was stated, which whole deployments carry; otherwise tokens are paid for.
        peak_to_mean: Busiest over mean rate.
        utilisation: Use of a deployment that is assumed where no rate was stated.
        mean_tokens_per_s: Output tokens per second, averaged over the life.
        peak_tokens_per_s: Output tokens per second that the deployments must carry.
    """

    lifetime_tokens: float
    life_s: float
    rated: bool
    peak_to_mean: float
    utilisation: float
    mean_tokens_per_s: float
    peak_tokens_per_s: float


@dataclass(frozen=True, kw_only=True)
class ProblemRecord:
    """What is asked of a plan.

    Attributes:
        training: Hardware and budget of the run.
        deployments: Ways to serve, of which each design takes the cheapest.
        lifetime_tokens: Output tokens over the model's life.
        traffic: The same with the rate, the peak and the use that were stated.
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
    traffic: TrafficRecord
    law: str
    law_verdict: FitVerdict | None
    allow_unsound: bool
    goal: LowestLossRecord | LeastCostRecord | NearBestRecord
    space: SpaceRecord
    data: DataRecord


def problem_record(problem: Problem) -> ProblemRecord:
    """The question of a plan."""
    return ProblemRecord(
        training=training_budget_record(problem.training),
        deployments=tuple(deployment_record(deployment) for deployment in problem.deployments),
        lifetime_tokens=problem.lifetime_tokens,
        traffic=same_fields(TrafficRecord, problem.traffic),
        law=problem.law.row.name,
        law_verdict=problem.law.row.evidence.verdict,
        allow_unsound=problem.allow_unsound,
        goal=goal_record(problem.goal),
        space=space_record(problem.space),
        data=data_record(problem.data),
    )


def data_record(data: Data) -> DataRecord:
    """The training tokens at hand."""
    return same_fields(DataRecord, data)
