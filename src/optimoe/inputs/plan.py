"""The request of ``optimoe plan``: a budget, a traffic, hardware and designs."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.inputs.groups.designs import DataChoice, DesignChoice, GoalChoice
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.groups.requests import Requests
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.quantities import Flag, Quantity, Several, parts
from optimoe.inputs.sources import Gpus, LawName, read_model

if TYPE_CHECKING:
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.planner.problem.problem import Problem


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Hardware of the deployments, and what they answer over the model's life."""

    serve_gpus: Gpus = "8xh100-sxm"
    """GPUs of one deployment, such as 8xh100-sxm or 8xmine.toml; several kinds by comma, the cheapest is taken."""
    serve_tokens: Quantity = 0.0
    """Output tokens over the model's life; their prompts come with them."""
    requests_per_s: float | None = None
    """Mean traffic over the model's life, in place of --serve-tokens."""
    life_days: float = 365.0
    """Days that the traffic lasts."""

    def lifetime_tokens(self, output_tokens: int) -> float:
        """Output tokens over the life: as stated, or requests per second times the tokens of their answer.

        Raises:
            InputError: Both are stated.
            ConfigError: A number is out of limits.
        """
        if self.requests_per_s is None:
            return self.serve_tokens
        if self.serve_tokens:
            raise InputError("--serve-tokens: must be left out beside --requests-per-s, they state one thing")
        require(self.requests_per_s > 0, "requests_per_s", "positive", self.requests_per_s)
        require(self.life_days > 0, "life_days", "positive", self.life_days)
        return self.requests_per_s * output_tokens * self.life_days * SECONDS_PER_DAY


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
    """

    training: TrainingChoice = field(default_factory=TrainingChoice)
    traffic: Traffic = field(default_factory=Traffic)
    requests: Requests = field(default_factory=Requests)
    engine: EngineChoice = field(default_factory=EngineChoice)
    prices: PlanPrices = field(default_factory=PlanPrices)
    goal: GoalChoice = field(default_factory=GoalChoice)
    designs: DesignChoice = field(default_factory=DesignChoice)
    data: DataChoice = field(default_factory=DataChoice)
    score: Several = ""
    """Models of your own to price and judge beside the plan's: catalog names or config.json, several by comma."""
    law: LawName = "optimoe2026"
    """Loss law: a name of `optimoe laws list`, or a law file."""
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
        from optimoe.planner.problem.problem import Problem
        from optimoe.planner.problem.ratios import law_of_ratios

        deployments = self.deployments()
        serving_gpu = parse_gpus(parts(self.traffic.serve_gpus)[0])[1]
        training = self.training.training(default_gpu=serving_gpu, prices=self.prices)
        space = self.designs.space(training)
        return Problem(
            deployments=deployments,
            training=training,
            lifetime_tokens=self.traffic.lifetime_tokens(deployments[0].workload.output_tokens),
            law=law_of_ratios(find_loss_law(self.law), space, training),
            goal=self.goal.goal(),
            space=space,
            data=self.data.data(),
            scored=tuple(read_model(model) for model in (parts(self.score) if self.score else ())),
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
