"""What a design spends: dollars, or GPU hours where all GPUs are owned and nothing costs dollars."""

from dataclasses import dataclass

from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK, format_usd
from optimoe.planner.candidate import Candidate
from optimoe.planner.result import Plan

OWNED = "owned GPUs: no dollars"
"""What is said in place of dollars."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a design spends over its life, in dollars or in GPU hours.

    Attributes:
        train, serve: Of its training run, and of the GPUs that serve it.
        per_mtok: Of a million output tokens, on full deployments.
        in_hours: Whether these are GPU hours.
    """

    train: float
    serve: float
    per_mtok: float
    in_hours: bool

    @property
    def total(self) -> float:
        """Training and serving together."""
        return self.train + self.serve

    def words(self, name: str = "total") -> str:
        """One of the amounts in words: ``$1.24M``, or ``52,300 GPU hours``."""
        amount = getattr(self, name)
        if not self.in_hours:
            return format_usd(amount)
        return format_hours(amount)


def format_hours(hours: float) -> str:
    """GPU hours in words: ``52,300 GPU hours``, ``0.16 GPU hours``."""
    return f"{hours:,.0f} GPU hours" if hours >= 10 else f"{hours:.3g} GPU hours"


def spent(plan: Plan, candidate: Candidate) -> Spent:
    """Dollars of training and of serving, or the GPU hours of both where nothing of the plan costs dollars."""
    if not plan.problem.owned:
        return Spent(
            train=candidate.train_usd,
            serve=candidate.serve_usd,
            per_mtok=candidate.usd_per_mtok,
            in_hours=False,
        )
    rate = float(candidate.serving.tokens_per_s) * SECONDS_PER_HOUR / TOKENS_PER_MTOK
    return Spent(
        train=candidate.training.gpu_hours,
        serve=candidate.serve_gpu_hours,
        per_mtok=candidate.deployment.cluster.num_gpus / rate,
        in_hours=True,
    )
