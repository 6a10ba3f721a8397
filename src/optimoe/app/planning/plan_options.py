"""The options of ``optimoe plan``, by what they describe; each group builds its part of the problem."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar, cast

from cyclopts import Parameter

from optimoe.app.options import Count, Flag, Seconds, whole
from optimoe.core.errors import InputError, require
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.deployment.engine import Engine
from optimoe.cost.deployment.workload import Limits, Workload, load_trace
from optimoe.cost.hardware.accelerator import Accelerator, Cluster, find_accelerator, parse_gpus
from optimoe.cost.hardware.price import GpuPrice, given_price, list_price
from optimoe.cost.service.serving import Deployment
from optimoe.cost.training.estimate import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN, TrainRun
from optimoe.plan.question.data import Data
from optimoe.plan.question.family import AttentionKind, BestRatio
from optimoe.plan.question.goal import Count as CountOf
from optimoe.plan.question.goal import Goal, LeastCost, LowestLoss, NearBest
from optimoe.plan.question.space import Space
from optimoe.plan.question.training import DEFAULT_MFU, GivenMfu, PredictedMfu, Training, gpu_time_s

Number = TypeVar("Number", int, float)


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Hardware and budget of the training run."""

    train_flops: Count | None = None
    """Training budget in FLOPs (6ND)."""
    train_gpus: str | None = None
    """GPUs of the training run, such as 64xh100-sxm (the serving GPU if left out)."""
    train_days: float | None = None
    """Training budget as the days that they run."""
    train_usd: Count | None = None
    """Training budget in dollars."""
    mfu: float | None = None
    """Model FLOPs utilisation; left out, that of each design's best layout on --train-gpus, or 0.4 without."""
    batch_tokens: Count = float(USUAL_BATCH_TOKENS)
    """Tokens of a training step, for the predicted utilisation."""
    seq_len: Count = float(USUAL_SEQ_LEN)
    """Tokens of a training sequence, for the same."""
    train_usd_per_hour: float | None = None
    """Price of a training GPU hour, instead of the list price."""

    def training(self, default_gpu: str) -> Training:
        """The training part of a problem; of two budgets both are kept.

        Raises:
            InputError: Days without GPUs, or a price is missing.
            ConfigError: A number is out of limits.
        """
        num_gpus, name = parse_gpus(self.train_gpus) if self.train_gpus is not None else (0, default_gpu)
        accelerator = find_accelerator(name)
        price = _price(accelerator.name, self.train_usd_per_hour, "--train-usd-per-hour")
        gpu_s = math.inf
        if self.train_days is not None:
            if not num_gpus:
                raise InputError("--train-gpus: missing beside --train-days")
            gpu_s = gpu_time_s(num_gpus, self.train_days)
        if self.train_usd is not None:
            require(price.usd_per_gpu_s > 0, "train_usd_per_hour", "positive beside --train-usd", 0.0)
            gpu_s = min(gpu_s, self.train_usd / price.usd_per_gpu_s)
        return Training(
            accelerator=accelerator,
            price=price,
            utilisation=self._utilisation(accelerator, num_gpus),
            budget_flops=math.inf if self.train_flops is None else self.train_flops,
            budget_gpu_s=gpu_s,
        )

    def _utilisation(self, accelerator: Accelerator, num_gpus: int) -> GivenMfu | PredictedMfu:
        if self.mfu is not None or not num_gpus:
            return GivenMfu(mfu=DEFAULT_MFU if self.mfu is None else self.mfu)
        run = TrainRun(
            cluster=Cluster(accelerator=accelerator, num_gpus=num_gpus),
            batch_tokens=whole("batch_tokens", self.batch_tokens),
            seq_len=whole("seq_len", self.seq_len),
        )
        return PredictedMfu(run=run)


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Hardware, requests and limits of a deployment."""

    serve_gpus: str = "8xh100-sxm"
    """GPUs of one deployment, such as 8xh100-sxm or 8xmine.toml; several kinds by comma, the cheapest is taken."""
    input_tokens: Count = 1024.0
    """Prompt of a request."""
    output_tokens: Count = 1024.0
    """Answer of a request."""
    trace: Path | None = None
    """CSV table of requests (input_tokens, output_tokens), in place of the two lengths."""
    requests_per_s: float | None = None
    """Mean traffic over the model's life, in place of --serve-tokens."""
    life_days: float = 365.0
    """Days that the traffic lasts."""
    prefix_hit: float = 0.0
    """Share of a prompt's tokens that a prefix cache holds."""
    ttft: Seconds = math.inf
    """Limit on the time to first token."""
    tpot: Seconds = math.inf
    """Limit on the time per output token."""
    precision: str = "bf16"
    """Of the served weights: bf16, fp8, int8, int4, mxfp4; several by comma."""
    kv_precision: str = "bf16"
    """Of the cache; several by comma."""
    serve_usd_per_hour: float | None = None
    """Price of a serving GPU hour, instead of the list price."""

    @property
    def gpu_name(self) -> str:
        """The first accelerator's name or file."""
        return parse_gpus(self.serve_gpus.split(",")[0])[1]

    def workload(self) -> Workload:
        """The requests: the mean of the trace, or the two lengths.

        Raises:
            InputError: The trace cannot be read, or a length is not whole.
        """
        if self.trace is not None:
            return load_trace(self.trace, self.prefix_hit)
        return Workload(
            input_tokens=whole("input_tokens", self.input_tokens),
            output_tokens=whole("output_tokens", self.output_tokens),
            prefix_hit=self.prefix_hit,
        )

    def lifetime_tokens(self, serve_tokens: float) -> float:
        """Output tokens over the life: as stated, or requests per second times their answer.

        Raises:
            InputError: Both are stated.
            ConfigError: A number is out of limits.
        """
        if self.requests_per_s is None:
            return serve_tokens
        if serve_tokens:
            raise InputError("--serve-tokens: cannot stand beside --requests-per-s, they state one thing")
        require(self.requests_per_s > 0, "requests_per_s", "positive", self.requests_per_s)
        require(self.life_days > 0, "life_days", "positive", self.life_days)
        return self.requests_per_s * self.workload().output_tokens * self.life_days * SECONDS_PER_DAY

    def deployments(self) -> tuple[Deployment, ...]:
        """The ways to serve of a problem: every kind of GPU with every precision that it has.

        Raises:
            InputError: A price is missing, a length is not whole, or no GPU has the precision.
            ConfigError: A number is out of limits.
        """
        workload = self.workload()
        limits = Limits(ttft_s=self.ttft, tpot_s=self.tpot)
        found, refused = [], []
        for gpus, precision, kv_precision in product(*(_parts(getattr(self, name)) for name in SERVED)):
            num_gpus, name = parse_gpus(gpus)
            cluster = Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)
            try:
                cluster.accelerator.flops_per_s(precision)
            except InputError as error:
                refused.append(error)
                continue
            price = _price(cluster.accelerator.name, self.serve_usd_per_hour, "--serve-usd-per-hour")
            engine = Engine(precision=precision, kv_precision=kv_precision)
            found.append(Deployment(cluster=cluster, workload=workload, limits=limits, price=price, engine=engine))
        if not found:
            raise refused[0]
        return tuple(found)


RATIO_BY_LAW = "li2026"
SERVED = ("serve_gpus", "precision", "kv_precision")


@Parameter(name="*", group="Goal")
@dataclass(frozen=True, kw_only=True)
class GoalOptions:
    """What counts as best: at most one of these, and which dollars are counted."""

    loss_slack: float | None = None
    """Take the cheapest design within this share of the lowest loss (0.01 if no goal is stated)."""
    slack_nats: float | None = None
    """The same, within so many nats of the lowest loss."""
    target_loss: float | None = None
    """Take the cheapest design that reaches this loss instead."""
    total_usd: Count | None = None
    """Take the lowest loss that training and serving reach within these dollars instead."""
    usd_per_mtok: Count | None = None
    """Take the lowest loss that is served for so much per million output tokens instead."""
    count: CountOf = "total"
    """Dollars that make a design the cheapest: total, or serving alone."""

    def goal(self) -> Goal:
        """The goal of a problem.

        Raises:
            InputError: Two goals are stated.
            ConfigError: A number is out of limits.
        """
        goals: dict[str, Callable[[float], Goal]] = {
            "loss_slack": lambda value: NearBest(loss_slack=value, count=self.count),
            "slack_nats": lambda value: NearBest(loss_slack=0.0, slack_nats=value, count=self.count),
            "target_loss": lambda value: LeastCost(max_loss=value, count=self.count),
            "total_usd": lambda value: LowestLoss(total_usd=value),
            "usd_per_mtok": lambda value: LowestLoss(usd_per_mtok=value),
        }
        stated = [name for name in goals if getattr(self, name) is not None]
        if len(stated) > 1:
            first, second = (f"--{name.replace('_', '-')}" for name in stated[:2])
            raise InputError(f"{first}: cannot stand beside {second}, they state different goals")
        if not stated:
            return NearBest(count=self.count)
        return goals[stated[0]](getattr(self, stated[0]))


@Parameter(name="*", group="Designs")
@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """The designs to choose from."""

    experts: str = "1,2,4,8,16,32"
    """Expert counts to compare; 1 is dense."""
    top_k: str = "1"
    """Routed experts per token; several by comma."""
    ffn_ratio: str = "3"
    """Hidden width of an expert, and of a dense FFN, over d_model; several by comma."""
    expert_attention_ratio: str = ""
    """In place of --ffn-ratio for models that route: FLOPs in experts over those in attention, several by comma,
    or li2026 for the ratio that this law finds best at the training budget."""
    shared: str = "0"
    """Shared experts; several by comma."""
    kv_heads: str = "8"
    """Key-value heads; several by comma."""
    attention: str = "gqa"
    """mha, gqa or mla; several by comma."""
    vocab: Count = 50_304.0
    """Vocabulary."""
    max_width: Count = 16_384.0
    """Largest d_model."""

    def space(self, training: Training) -> Space:
        """The space of a problem.

        Raises:
            InputError: A count is not whole, or a law of ratios has no budget.
            ConfigError: A number is out of limits.
        """
        return Space(
            num_experts=_numbers("--experts", self.experts, int),
            top_k=_numbers("--top-k", self.top_k, int),
            ffn_ratio=_numbers("--ffn-ratio", self.ffn_ratio, float),
            expert_attention_ratio=self._ratios(training),
            num_shared_experts=_numbers("--shared", self.shared, int),
            num_kv_heads=_numbers("--kv-heads", self.kv_heads, int),
            attention=cast(tuple[AttentionKind, ...], _parts(self.attention)),
            vocab_size=whole("vocab", self.vocab),
            max_width=whole("max_width", self.max_width),
        )

    def _ratios(self, training: Training) -> tuple[float, ...] | BestRatio:
        if not self.expert_attention_ratio:
            return ()
        if self.expert_attention_ratio != RATIO_BY_LAW:
            return _numbers("--expert-attention-ratio", self.expert_attention_ratio, float)
        if not training.bounded:
            raise InputError(f"--expert-attention-ratio: {RATIO_BY_LAW} needs a training budget, got none")
        return BestRatio(train_flops=training.budget_flops_about)


@Parameter(name="*", group="Data")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The training tokens at hand."""

    unique_tokens: Count = math.inf
    """Distinct training tokens; beyond them tokens repeat, at a falling worth."""
    no_repeats: Flag = False
    """Do not train on a token twice."""

    def data(self) -> Data:
        """The data of a problem."""
        return Data(unique_tokens=self.unique_tokens, repeats=not self.no_repeats)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _numbers(option: str, text: str, kind: type[Number]) -> tuple[Number, ...]:
    try:
        return tuple(kind(part) for part in _parts(text))
    except ValueError:
        wanted = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{option}: must be {wanted} like 1,8,32, got {text!r}") from None


def _price(accelerator: str, usd_per_hour: float | None, option: str) -> GpuPrice:
    if usd_per_hour is not None:
        return given_price(usd_per_hour)
    try:
        return list_price(accelerator)
    except InputError as error:
        raise InputError(f"{option}: missing, and {error}") from None
