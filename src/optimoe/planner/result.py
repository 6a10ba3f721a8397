"""The result: a plan and its parts."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.params import ParamCount
from optimoe.arch.spec import ArchSpec, describe
from optimoe.core.provenance import Assumption
from optimoe.core.records import to_record
from optimoe.cost.layers.layout import layout_record
from optimoe.cost.serving.estimate import Deployment
from optimoe.planner.candidate import Candidate
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import BUDGET_TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """The cheapest design of a family at the choice's loss; None when nothing keeps the limits."""

    family: Family
    candidate: Candidate | None


@dataclass(frozen=True, kw_only=True)
class LawView:
    """The loss-optimal design of one law within the same budget and limits.

    Attributes:
        law, source: Name of the law and where it was published.
        num_experts: Its best E (1 is dense); ``routed`` says whether it was asked about experts.
        params_active, tokens, tokens_per_param: The size and data it asks for.
        loss: Nats per token on that law's own corpus: not comparable between laws.
        decades_beyond: How far outside its fitted range.
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


@dataclass(frozen=True, kw_only=True)
class Trace:
    """How the choice was found.

    Attributes:
        space: Designs of the space.
        first: Those that were priced first: all, or a coarse grid.
        whole: Whether that is all, and the choice so the best of the space; otherwise every depth around the best
            was priced then.
        first_best, best: What is minimised (dollars or nats), after the first pricing and in the end; infinite
            where the coarse grid had nothing feasible.
    """

    space: int
    first: int
    whole: bool
    first_best: float
    best: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to train, beside what, why, and what it rests on.

    Attributes:
        problem: The question.
        choice: The answer.
        lowest_loss: The lowest loss that the whole budget reaches within the limits; none without a budget.
        alternatives: Every family at the choice's loss.
        front: Loss against serving price of designs trained on the whole budget.
        laws: What each law would train.
        reasons: Why this and not another, in words.
        warnings: What to be careful about.
        assumptions: Every number that it rests on, with its source.
        trace: How it was found.
    """

    problem: Problem
    choice: Candidate
    lowest_loss: Candidate | None
    alternatives: tuple[Alternative, ...]
    front: tuple[Candidate, ...]
    laws: tuple[LawView, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    trace: Trace

    def __repr__(self) -> str:
        """The choice and how much it stands beside, in one line."""
        beside = f"{len(self.alternatives)} families, {len(self.front)} on the front, {len(self.laws)} laws"
        return f"Plan({self.choice!r}, {beside}, {len(self.warnings)} warnings)"

    @property
    def by_family(self) -> tuple[Alternative, ...]:
        """Every family at the choice's loss, the choice itself at its own."""
        own = self.choice.family
        return tuple(
            Alternative(family=own, candidate=self.choice) if item.family == own else item
            for item in self.alternatives
        )

    def over_budget(self, candidate: Candidate) -> bool:
        """Whether a design takes more training than the budget holds."""
        training = self.problem.training
        most = training.affordable_tokens(candidate.params.active, candidate.training.mfu)
        return bool(candidate.tokens > most * (1 + BUDGET_TOLERANCE))


def plan_record(plan: Plan) -> dict[str, Any]:
    """A plan as plain JSON values."""
    return {
        "problem": problem_record(plan.problem),
        "choice": candidate_record(plan.choice),
        "lowest_loss": candidate_record(plan.lowest_loss) if plan.lowest_loss else None,
        "alternatives": [
            to_record(item.family) | (candidate_record(item.candidate) if item.candidate else {"feasible": False})
            for item in plan.alternatives
        ],
        "front": [candidate_record(member) for member in plan.front],
        "laws": to_record(plan.laws),
        "reasons": list(plan.reasons),
        "warnings": list(plan.warnings),
        "assumptions": to_record(plan.assumptions),
        "trace": to_record(plan.trace),
    }


def candidate_record(candidate: Candidate) -> dict[str, Any]:
    """A candidate as plain JSON values, flat; its shape is ``arch``."""
    training, deployment, serving = candidate.training, candidate.deployment, candidate.serving
    record: dict[str, Any] = to_record({
        "arch": arch_record(candidate.spec, candidate.params),
        "family": candidate.family,
        "tokens": candidate.tokens,
        "passes": candidate.passes,
        "loss": candidate.loss.value,
        "loss_low": candidate.loss.low,
        "loss_high": candidate.loss.high,
        "train_flops": training.flops,
        "mfu": training.mfu,
        "train_gpu_hours": training.gpu_hours,
        "train_layout": training.layout or {},
        "train_usd": candidate.train_usd,
        "serve_usd": candidate.serve_usd,
        "total_usd": candidate.total_usd,
        "usd_per_mtok": candidate.usd_per_mtok,
        "ttft_s": candidate.ttft_s,
        "tpot_s": candidate.tpot_s,
        "tpot_low_s": candidate.tpot.low,
        "tpot_high_s": candidate.tpot.high,
        "tokens_per_s": serving.tokens_per_s,
        "concurrency": serving.concurrency,
        "max_batch": serving.max_batch,
        "gpu": deployment.cluster.accelerator.name,
        "num_gpus": deployment.cluster.num_gpus,
        "precision": deployment.engine.execution.precision,
        "kv_precision": deployment.engine.execution.kv_precision,
        "layout": layout_record(serving.layout),
        "bound_by": serving.bound_by,
        "parts": serving.parts,
        "serve_gpu_hours": candidate.serve_gpu_hours,
        "decades_beyond": candidate.decades_beyond,
    })  # fmt: skip
    return record


def arch_record(spec: ArchSpec, params: ParamCount) -> dict[str, Any]:
    """The shape of a design, flat, with its parameters."""
    return describe(spec) | {"params_total": params.total, "params_active": params.active}


def problem_record(problem: Problem) -> dict[str, Any]:
    """The question as plain JSON values; infinite limits are null."""
    return {
        "training": to_record(problem.training),
        "deployments": [deployment_record(deployment) for deployment in problem.deployments],
        "lifetime_tokens": problem.lifetime_tokens,
        "law": problem.law.row.name,
        "goal": {"kind": type(problem.goal).__name__} | to_record(problem.goal),
        "space": to_record(problem.space),
        "data": to_record(problem.data),
    }


def deployment_record(deployment: Deployment) -> dict[str, Any]:
    """One way to serve as plain JSON values, the words of its engine's scheduler and kernels side by side."""
    record: dict[str, Any] = to_record(deployment)
    engine = record["engine"]
    return record | {"engine": engine.pop("execution") | engine}
