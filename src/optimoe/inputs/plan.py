"""The request of ``optimoe plan``: a budget, a traffic, hardware and designs."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.inputs.groups.designs import DataChoice, DesignChoice, GoalChoice
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.groups.requests import Requests
from optimoe.inputs.groups.scored import ScoreChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.quantities import Flag, Quantity, parts, whole
from optimoe.inputs.sources import Gpus, LawName

if TYPE_CHECKING:
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.planner.problem.problem import Problem
    from optimoe.planner.problem.traffic import Traffic


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class TrafficChoice:
    """Hardware of the deployments, and what they answer over the model's life."""

    serve_gpus: Gpus = "8xh100-sxm"
    """GPUs of one deployment, such as 8xh100-sxm or 8xmine.toml; several kinds by comma, the cheapest is taken."""
    serve_tokens: Quantity = 0.0
    """Output tokens over the model's life; their prompts come with them."""
    requests_per_s: float | None = None
    """Mean traffic over the model's life, in place of --serve-tokens."""
    life_days: float = 365.0
    """Days that the traffic lasts."""
    peak_to_mean: float | None = None
    """Busiest over mean rate, of --requests-per-s: whole deployments carry the peak; 1 unless stated."""
    utilisation: float | None = None
    """Share of what a deployment can carry at which it is used, of --serve-tokens; 1 (always full) if left out."""

    def traffic(self, output_tokens: int) -> "Traffic":
        """The tokens over the life: as stated, or requests per second times the tokens of their answer.

        Raises:
            InputError: Both are stated, or what goes with the other.
            ConfigError: A number is out of limits.
        """
        from optimoe.planner.problem.traffic import Traffic

        require(0 < self.life_days < math.inf, "life_days", "positive", self.life_days)
        life_s = self.life_days * SECONDS_PER_DAY
        if self.requests_per_s is None:
            if self.peak_to_mean is not None:
                raise InputError("--peak-to-mean: must be left out without --requests-per-s: tokens have no peak")
            used = 1.0 if self.utilisation is None else self.utilisation
            return Traffic(lifetime_tokens=self.serve_tokens, life_s=life_s, utilisation=used)
        if self.serve_tokens:
            raise InputError("--serve-tokens: must be left out beside --requests-per-s, they state one thing")
        if self.utilisation is not None:
            raise InputError(
                "--utilisation: must be left out beside --requests-per-s: whole deployments have their own "
                "(--peak-to-mean leaves room)"
            )
        require(0 < self.requests_per_s < math.inf, "requests_per_s", "positive", self.requests_per_s)
        return Traffic(
            lifetime_tokens=self.requests_per_s * output_tokens * life_s,
            life_s=life_s,
            rated=True,
            peak_to_mean=1.0 if self.peak_to_mean is None else self.peak_to_mean,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """Find the model to train, for a budget, a traffic and hardware.

    Attributes:
        training: Hardware and budget of the training run.
        traffic: Hardware of the deployments, and what they answer.
        requests: Lengths and limits.
        engine: The serving software.
        prices: Dollars of GPU hours.
        goal: What counts as best.
        designs: The designs to choose from.
        data: The training tokens at hand.
        scored: Designs of one's own.
    """

    training: TrainingChoice = field(default_factory=TrainingChoice)
    traffic: TrafficChoice = field(default_factory=TrafficChoice)
    requests: Requests = field(default_factory=Requests)
    engine: EngineChoice = field(default_factory=EngineChoice)
    prices: PlanPrices = field(default_factory=PlanPrices)
    goal: GoalChoice = field(default_factory=GoalChoice)
    designs: DesignChoice = field(default_factory=DesignChoice)
    data: DataChoice = field(default_factory=DataChoice)
    scored: ScoreChoice = field(default_factory=ScoreChoice)
    law: LawName = "optimoe2026"
    """Loss law: a name of `optimoe laws list`, or a law file."""
    max_context: Quantity | None = None
    """Tokens of the longest request, prompt and answer, that the deployments take; left out, the longer of a
    training sequence and a mean request."""
    allow_unsound: Flag = False
    """Plan with a law whose fit failed (ill conditioned, at a bound, not converged); the plan says so first."""

    def problem(self) -> "Problem":
        """The planner's question.

        Raises:
            InputError: A price is missing, two options state one thing, or the law's fit failed.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.hardware.accelerator import parse_gpus
        from optimoe.laws.catalog import find_loss_law
        from optimoe.planner.problem.problem import Problem, law_of_ratios

        deployments = self.deployments()
        serving_gpu = parse_gpus(parts(self.traffic.serve_gpus)[0])[1]
        most_usd = math.inf if self.goal.total_usd is None else self.goal.total_usd
        training = self.training.training(default_gpu=serving_gpu, prices=self.prices, most_usd=most_usd)
        space = self.designs.space(training)
        return Problem(
            deployments=deployments,
            training=training,
            traffic=self.traffic.traffic(deployments[0].workload.output_tokens),
            law=law_of_ratios(find_loss_law(self.law), space, training),
            goal=self.goal.goal(),
            space=space,
            data=self.data.data(),
            scored=self.scored.specs(),
            score_tokens=self.scored.tokens(),
            max_context=0 if self.max_context is None else whole("max_context", self.max_context),
            allow_unsound=self.allow_unsound,
        )

    def deployments(self) -> "tuple[Deployment, ...]":
        """The ways to serve: every kind of GPU with every precision.

        Raises:
            InputError: A price is missing, or a length is not whole.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, parse_gpus
        from optimoe.cost.serving.estimate import Deployment

        workload, limits = self.requests.workload(), self.requests.limits()
        ways = []
        for gpus in parts(self.traffic.serve_gpus):
            num_gpus, name = parse_gpus(gpus)
            cluster = Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)
            for engine in self.engine.engines(cluster.accelerator):
                price = self.prices.serving(cluster.accelerator.name)
                ways.append(
                    Deployment(cluster=cluster, workload=workload, limits=limits, price=price, engine=engine)
                )
        return tuple(ways)
