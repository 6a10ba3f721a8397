"""The request of ``optimoe plan``: a budget, a traffic, hardware and designs."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.groups.designs import DataChoice, DesignChoice, GoalChoice
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.groups.requests import Requests
from optimoe.inputs.groups.scored import ScoreChoice
from optimoe.inputs.groups.serving import TrafficChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Flag, Quantity, whole
from optimoe.inputs.sources import LawName, LawNames

if TYPE_CHECKING:
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.planner.problem.problem import Problem


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PlanRequest(Plausible):
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
    also_law: LawNames = None
    """Law by which the same question is answered beside it, its choice in a row of the same table (once for
    each)."""
    max_context: Quantity | None = None
    """Tokens of the longest request, prompt and answer, that the deployments take; left out, the longer of a
    training sequence and a mean request."""
    allow_unsound: Flag = False
    """Plan with a law whose fit failed (ill conditioned, at a bound, not converged), or beyond 10 times the
    largest run of a law that was fitted to one corpus alone; the plan says so."""

    def problem(self) -> "Problem":
        """The planner's question.

        Raises:
            InputError: A price is missing, two options state one thing, or the law's fit failed.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.laws.catalog import find_loss_law
        from optimoe.planner.narrowing import told_apart
        from optimoe.planner.problem.problem import Problem, law_of_ratios

        self._require_consistent()
        most_usd = math.inf if self.goal.total_usd is None else self.goal.total_usd
        gpu = self.traffic.first_kind()
        training = self.training.training(default_gpu=gpu, prices=self.prices, most_usd=most_usd)
        deployments = self.deployments(self.training.kind or gpu)
        law = find_loss_law(self.law)
        space, for_law = told_apart(self.designs.space(training), law, self.designs.free)
        return Problem(
            deployments=deployments,
            training=training,
            traffic=self.traffic.traffic(deployments[0].workload.output_tokens),
            law=law_of_ratios(law, space, training),
            also=tuple(law_of_ratios(find_loss_law(name), space, training) for name in self.also_law or ()),
            goal=self.goal.goal(),
            space=space,
            data=self.data.data(),
            scored=self.scored.specs(),
            score_tokens=self.scored.tokens(),
            max_context=0 if self.max_context is None else whole("max_context", self.max_context),
            for_law=for_law,
            allow_unsound=self.allow_unsound,
        )

    def _require_consistent(self) -> None:
        """Refuse a goal that nothing bounds, or that another option makes void.

        Raises:
            InputError: In one line.
        """
        training, goal, data = self.training, self.goal, self.data
        if goal.count != "serving":
            return
        for name in ("total_usd", "usd_per_mtok"):
            if getattr(goal, name) is not None:
                raise InputError(
                    f"--count: must be left out beside --{name.replace('_', '-')}, which minimises the loss"
                )
        budgets = (training.train_flops, training.train_days, training.train_usd)
        endless = not (data.no_repeats and math.isfinite(data.unique_tokens))
        if endless and all(budget is None for budget in budgets):
            raise InputError(
                "--count: serving dollars alone would train without end: state a training budget (--train-flops, "
                "--train-days or --train-usd), or --unique-tokens with --no-repeats"
            )

    def deployments(self, training_gpu: str) -> "tuple[Deployment, ...]":
        """The ways to serve: GPUs of every kind and number that may, in every precision; the plain ones first.

        Args:
            training_gpu: The kind that serves where none is stated.

        Raises:
            InputError: A price is missing, or a length is not whole.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.serving.estimate import Deployment

        workload, limits = self.requests.workload(), self.requests.limits()
        clusters = self.traffic.clusters(training_gpu, self.prices)
        kinds = {cluster.accelerator.name: cluster.accelerator for cluster in clusters}
        prices = {name: self.prices.serving(name) for name in kinds}
        engines = {name: self.engine.searched(gpu) for name, gpu in kinds.items()}
        ways = []
        for rank in range(max(map(len, engines.values()))):  # of equal dollars a plan takes what stands first
            for cluster in clusters:
                name = cluster.accelerator.name
                ways += [
                    Deployment(
                        cluster=cluster, workload=workload, limits=limits, price=prices[name], engine=engine
                    )
                    for engine in engines[name][rank : rank + 1]
                ]
        return tuple(ways)
