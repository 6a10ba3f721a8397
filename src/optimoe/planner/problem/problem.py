"""The question: a budget, a traffic, hardware, a law, the designs to choose from and what counts as best."""

import math
from dataclasses import dataclass, field

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.problem.data import Data
from optimoe.planner.problem.goal import Goal, LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import Training

MOST_DEPLOYMENTS = 1_000
"""Ways to serve that are priced for a design: three times those of every kind that has a list price."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The question that a plan answers, checked on construction.

    Attributes:
        training: Hardware and budget of the run.
        deployments: Ways to serve, of which each design takes the cheapest; they share requests and limits.
        traffic: What the model answers over its life.
        law: Loss from size, tokens and experts.
        also: Laws by which the same question is answered beside it.
        goal: What counts as best.
        space: The designs to choose from.
        data: The training tokens at hand.
        scored: Models of one's own, which the plan prices and judges beside its designs.
        score_tokens: Training tokens that their owner means to spend: none, one number for all, or one each.
        max_context: Tokens of the longest request, prompt and answer, that the deployments take; 0 where nobody
            says.
        for_law: What was stated of the designs for a law that does not see it, in one line; nothing where the law
            tells apart all that was asked for.
        allow_unsound: Whether a law may be planned with whose fit failed, or far beyond its runs; it is said.

    Raises:
        ConfigError: A number is out of limits, nothing bounds the training, or there is no deployment.
        InputError: The law's fit failed, or the budget is far beyond its runs, and that is not allowed.
    """

    training: Training
    deployments: tuple[Deployment, ...]
    traffic: Traffic
    law: LossLaw
    also: tuple[LossLaw, ...] = ()
    goal: Goal = field(default_factory=NearBest)
    space: Space = field(default_factory=Space)
    data: Data = field(default_factory=Data)
    scored: tuple[ArchSpec, ...] = ()
    score_tokens: tuple[float, ...] = ()
    max_context: int = 0
    for_law: str = ""
    allow_unsound: bool = False

    def __post_init__(self) -> None:
        if not self.allow_unsound:
            for law in (self.law, *self.also):
                law.require_sound()
                if self.training.bounded:
                    law.require_reach(self.training.budget_flops_about)
        number = len(self.deployments)
        require(
            0 < number <= MOST_DEPLOYMENTS, "serve_gpus", f"1 to {MOST_DEPLOYMENTS:,} boxes and precisions", number
        )
        counts, tokens = {0, 1, len(self.scored)}, self.score_tokens
        require(len(tokens) in counts, "score_tokens", "none, one, or one for each scored design", tokens)
        require(all(1 <= one < math.inf for one in tokens), "score_tokens", "at least 1 and finite", tokens)
        least = self.workload.full_context
        long_enough = not self.max_context or self.max_context >= least
        require(long_enough, "max_context", f"at least a mean request, {least} tokens", self.max_context)
        bounded = (
            isinstance(self.goal, LeastCost)
            or self.training.bounded
            or (isinstance(self.goal, LowestLoss) and math.isfinite(self.goal.total_usd))
        )
        require(bounded, "train_flops", "given, unless a target loss or a total budget is", "none")
        spent = self.training.bounded or not isinstance(self.goal, LowestLoss) or not self.training.price.owned
        require(spent, "train_flops", "given beside a total budget, of which owned GPUs spend nothing", "none")
        if self.owned and isinstance(self.goal, LowestLoss):
            for name in ("total_usd", "usd_per_mtok"):
                usd = getattr(self.goal, name)
                require(math.isinf(usd), name, "left out where all GPUs are owned: nothing costs dollars", usd)

    @property
    def lifetime_tokens(self) -> float:
        """Output tokens over the model's life; their prompts come with them."""
        return self.traffic.lifetime_tokens

    @property
    def owned(self) -> bool:
        """Whether all GPUs are owned, so that nothing costs dollars: then the fewest GPU hours are best."""
        return self.training.price.owned and all(one.price.owned for one in self.deployments)

    def hour_usd(self, price: GpuPrice) -> float:
        """What a GPU hour is judged at: its price, or $1 where all GPUs are owned and hours alone decide."""
        return 1.0 if self.owned else price.usd_per_gpu_hour

    @property
    def workload(self) -> Workload:
        """The requests, which all deployments share."""
        return self.deployments[0].workload

    @property
    def limits(self) -> Limits:
        """The limits on latency, which all deployments share."""
        return self.deployments[0].limits

    @property
    def context_tokens(self) -> int:
        """Tokens of the longest sequence that the model is to take.

        As stated, else the longer of a training sequence and a mean request.
        """
        return self.max_context or max(self.training.seq_len, self.workload.full_context)


def law_of_ratios(law: LossLaw, space: Space, training: Training) -> LossLaw:
    """The law with r's effect on the loss, where r is an axis of the space and the law's family takes effects.

    r* is taken at the training budget, and at the effect's reference where nothing bounds the training.
    """
    if not space.expert_attention_ratio:
        return law
    flops = training.budget_flops_about if training.bounded else 0.0
    return law.with_effect(EXPERT_ATTENTION, flops) or law
