"""The options of ``optimoe plan``, by what they describe; each group builds its part of the problem."""

import math
from dataclasses import dataclass

from cyclopts import Parameter

from optimoe.app.options import Count, Seconds, whole
from optimoe.core.errors import InputError
from optimoe.cost.accelerator import Cluster, find_accelerator, parse_gpus
from optimoe.cost.engine import Engine
from optimoe.cost.price import GpuPrice, given_price, list_price
from optimoe.cost.serving import Deployment
from optimoe.cost.workload import Limits, Workload
from optimoe.plan.problem import Goal, LeastCost, LowestLoss, NearBest, Training, gpu_time_flops
from optimoe.plan.space import Space


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Hardware and budget of the training run."""

    train_flops: Count | None = None
    """Training budget in FLOPs (6ND). Or state it as GPUs and days."""
    train_gpus: str | None = None
    """GPUs of the training run, such as 64xh100-sxm (the serving GPU if left out)."""
    train_days: float | None = None
    """Days that they run."""
    mfu: float = 0.4
    """Model FLOPs utilisation of the training run."""
    train_usd_per_hour: float | None = None
    """Price of a training GPU hour, instead of the list price."""

    def training(self, default_gpu: str) -> Training:
        """The training part of a problem.

        Raises:
            InputError: The budget is stated twice or by half, or a price is missing.
            ConfigError: A number is out of limits.
        """
        num_gpus, name = parse_gpus(self.train_gpus) if self.train_gpus is not None else (0, default_gpu)
        accelerator = find_accelerator(name)
        budget_flops = math.inf if self.train_flops is None else self.train_flops
        if self.train_days is not None:
            if self.train_flops is not None:
                raise InputError(
                    "--train-flops: state the budget once, as FLOPs or as --train-gpus and --train-days"
                )
            if self.train_gpus is None:
                raise InputError("--train-gpus: missing beside --train-days")
            budget_flops = gpu_time_flops(accelerator, num_gpus, self.train_days, self.mfu)
        return Training(
            accelerator=accelerator,
            mfu=self.mfu,
            price=_price(accelerator.name, self.train_usd_per_hour, "--train-usd-per-hour"),
            budget_flops=budget_flops,
        )


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Hardware, requests and limits of a deployment."""

    serve_gpus: str = "8xh100-sxm"
    """GPUs of one deployment, such as 8xh100-sxm, or 8xmine.toml with a GPU of your own."""
    input_tokens: Count = 1024.0
    """Prompt of a request."""
    output_tokens: Count = 1024.0
    """Answer of a request."""
    ttft: Seconds = math.inf
    """Limit on the time to first token."""
    tpot: Seconds = math.inf
    """Limit on the time per output token."""
    precision: str = "bf16"
    """Of the served weights: bf16, fp8, int8, int4, mxfp4."""
    kv_precision: str = "bf16"
    """Of the cache."""
    serve_usd_per_hour: float | None = None
    """Price of a serving GPU hour, instead of the list price."""

    @property
    def gpu_name(self) -> str:
        """The accelerator's name or file."""
        return parse_gpus(self.serve_gpus)[1]

    def deployment(self) -> Deployment:
        """The serving part of a problem.

        Raises:
            InputError: A price is missing or a length is not whole.
            ConfigError: A number is out of limits.
        """
        num_gpus, name = parse_gpus(self.serve_gpus)
        cluster = Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)
        return Deployment(
            cluster=cluster,
            workload=Workload(
                input_tokens=whole("input_tokens", self.input_tokens),
                output_tokens=whole("output_tokens", self.output_tokens),
            ),
            limits=Limits(ttft_s=self.ttft, tpot_s=self.tpot),
            price=_price(cluster.accelerator.name, self.serve_usd_per_hour, "--serve-usd-per-hour"),
            engine=Engine(precision=self.precision, kv_precision=self.kv_precision),
        )


@Parameter(name="*", group="Goal")
@dataclass(frozen=True, kw_only=True)
class GoalOptions:
    """What counts as best: at most one of these."""

    loss_slack: float | None = None
    """Take the cheapest design within this share of the lowest loss (0.01 if no goal is stated)."""
    target_loss: float | None = None
    """Take the cheapest design that reaches this loss instead."""
    total_usd: Count | None = None
    """Take the lowest loss that training and serving reach within these dollars instead."""

    def goal(self) -> Goal:
        """The goal of a problem.

        Raises:
            InputError: Two goals are stated.
            ConfigError: A number is out of limits.
        """
        stated = {
            "--loss-slack": self.loss_slack,
            "--target-loss": self.target_loss,
            "--total-usd": self.total_usd,
        }
        names = [name for name, value in stated.items() if value is not None]
        if len(names) > 1:
            raise InputError(f"{names[0]}: cannot stand beside {names[1]}, they state different goals")
        if self.target_loss is not None:
            return LeastCost(max_loss=self.target_loss)
        if self.total_usd is not None:
            return LowestLoss(total_usd=self.total_usd)
        return NearBest() if self.loss_slack is None else NearBest(loss_slack=self.loss_slack)


@Parameter(name="*", group="Designs")
@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """The designs to choose from."""

    experts: str = "1,2,4,8,16,32"
    """Expert counts to compare; 1 is dense."""
    top_k: int = 1
    """Routed experts per token."""
    ffn_ratio: float = 3.0
    """Hidden width of an expert, and of a dense FFN, over d_model."""
    vocab: Count = 50_304.0
    """Vocabulary."""
    max_width: Count = 16_384.0
    """Largest d_model."""

    def space(self) -> Space:
        """The space of a problem.

        Raises:
            InputError: A count is not whole.
            ConfigError: A number is out of limits.
        """
        try:
            num_experts = tuple(int(part) for part in self.experts.split(","))
        except ValueError:
            raise InputError(f"--experts: must be whole numbers like 1,8,32, got {self.experts!r}") from None
        return Space(
            num_experts=num_experts,
            top_k=self.top_k,
            ffn_ratio=self.ffn_ratio,
            vocab_size=whole("vocab", self.vocab),
            max_width=whole("max_width", self.max_width),
        )


def _price(accelerator: str, usd_per_hour: float | None, option: str) -> GpuPrice:
    if usd_per_hour is not None:
        return given_price(usd_per_hour)
    try:
        return list_price(accelerator)
    except InputError as error:
        raise InputError(f"{option}: missing, and {error}") from None
