"""The training run of a plan: hardware and budget."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import TRAINING_GPUS
from optimoe.cost.training import USUAL_SEQ_LEN
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.plausible import Plausible
from optimoe.inputs.quantities import Quantity, whole
from optimoe.inputs.sources import Gpus

if TYPE_CHECKING:
    from optimoe.cost.hardware.accelerator import Accelerator
    from optimoe.cost.training.estimate import TrainRun
    from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training

TrainPrecision = Literal["bf16", "fp8", "fp32"]


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainBatch(Plausible):
    """The step of a training run, and what the hours that are paid for hold beside steps."""

    batch_tokens: Quantity | None = None
    """Tokens of a training step, over all GPUs, rounded to what the layout takes; left out, by a published rule of
    the training FLOPs (0.0694·C^0.3644, at most 62.9M)."""
    seq_len: Quantity = float(USUAL_SEQ_LEN)
    """Tokens of a training sequence."""
    goodput: float | None = None
    """Time of steps over the time that is paid for, with a predicted utilisation; left out, Llama 3's (0.9 on
    16,384 GPUs) by the number of GPUs."""

    def run(
        self, accelerator: "Accelerator", num_gpus: int, *, precision: "TrainPrecision", train_flops: float
    ) -> "TrainRun":
        """The run on so many GPUs, its batch resolved.

        Args:
            accelerator: The GPU.
            num_gpus: How many.
            precision: Of the products.
            train_flops: The training budget, which scales the batch; infinite for none.

        Raises:
            InputError: A size is not whole.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.hardware.accelerator import Cluster
        from optimoe.cost.training.estimate import TrainRun
        from optimoe.cost.training.setup import usual_goodput, usual_setup
        from optimoe.planner.problem.training import rule_batch

        require_range(num_gpus, "train_gpus", TRAINING_GPUS)
        seq_len, source = whole("seq_len", self.seq_len), ""
        if self.batch_tokens is None:
            batch_tokens, source = rule_batch(train_flops, seq_len)
        else:
            batch_tokens = whole("batch_tokens", self.batch_tokens)
        return TrainRun(
            cluster=Cluster(accelerator=accelerator, num_gpus=num_gpus),
            batch_tokens=batch_tokens,
            batch_source=source,
            seq_len=seq_len,
            setup=usual_setup(precision),
            goodput=usual_goodput(num_gpus) if self.goodput is None else self.goodput,
        )


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainingChoice(TrainBatch):
    """Hardware and budget of the training run."""

    train_flops: Quantity | None = None
    """Training budget in FLOPs: 6ND, and what routing takes beyond it."""
    train_gpus: Gpus | None = None
    """GPUs of the training run, such as 64xh100-sxm (the serving GPU if left out)."""
    train_days: float | None = None
    """Training budget as the days that the GPUs run."""
    train_usd: Quantity | None = None
    """Training budget in dollars."""
    train_precision: TrainPrecision = "bf16"
    """Precision of the products in training: bf16, fp8, or fp32 on a CPU; for a predicted utilisation."""
    mfu: float | None = None
    """Model FLOPs utilisation; left out, that of each design's best layout on --train-gpus, or 0.4 without."""

    routing_flops: float = 14.0
    """FLOPs of routing a training token, for each weight of the routers: 14 by Krajewski 2024 (6 to 20); 6 is the
    product with the router's matrix alone, which 6ND holds."""

    @property
    def kind(self) -> str:
        """The kind of GPU that is stated for training; empty where none is."""
        from optimoe.cost.hardware.accelerator import parse_gpus

        return parse_gpus(self.train_gpus)[1] if self.train_gpus is not None else ""

    def training(self, default_gpu: str, prices: PlanPrices, most_usd: float = math.inf) -> "Training":
        """The training part of a problem; of two budgets both are kept.

        Args:
            default_gpu: The GPU where none is stated for training.
            prices: Dollars of GPU hours.
            most_usd: What training and serving may cost together: it scales the batch where nothing else does.

        Raises:
            InputError: Days without GPUs, or a price is missing.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.hardware.accelerator import find_accelerator, parse_gpus
        from optimoe.planner.problem.training import Training, gpu_time_s

        num_gpus, name = parse_gpus(self.train_gpus) if self.train_gpus is not None else (0, default_gpu)
        accelerator = find_accelerator(name)
        price = prices.training(accelerator.name)
        gpu_s = math.inf
        if self.train_days is not None:
            if not num_gpus:
                raise InputError("--train-gpus: missing beside --train-days")
            gpu_s = gpu_time_s(num_gpus, self.train_days)
        if self.train_usd is not None:
            require(price.usd_per_gpu_s > 0, "train_usd_per_hour", "positive beside --train-usd", 0.0)
            gpu_s = min(gpu_s, self.train_usd / price.usd_per_gpu_s)
        if self.mfu is not None and self.goodput is not None:
            raise InputError("--goodput: must be left out beside --mfu: a utilisation that is given holds it")
        budget = Training(
            accelerator=accelerator,
            price=price,
            budget_flops=math.inf if self.train_flops is None else self.train_flops,
            budget_gpu_s=gpu_s,
            routing_flops_per_weight=self.routing_flops,
        )
        if not num_gpus:
            self._needs_gpus()
            return replace(budget, utilisation=self._utilisation(num_gpus))
        known = replace(
            budget, budget_gpu_s=min(gpu_s, most_usd / price.usd_per_gpu_s if price.usd_per_gpu_s else gpu_s)
        )
        run = self.run(accelerator, num_gpus, precision=self.train_precision, train_flops=known.budget_flops_about)
        return replace(budget, utilisation=self._utilisation(num_gpus), run=run)

    def _needs_gpus(self) -> None:
        """Refuse what only a predicted run uses where no cluster is stated."""
        if self.train_precision != "bf16":
            raise InputError("--train-precision: needs --train-gpus, on which the utilisation is predicted")
        if self.goodput is not None:
            raise InputError("--goodput: needs --train-gpus, on which the utilisation is predicted")

    def _utilisation(self, num_gpus: int) -> "GivenMfu | PredictedMfu":
        from optimoe.planner.problem.training import DEFAULT_MFU, GivenMfu, PredictedMfu

        if self.mfu is None and num_gpus:
            return PredictedMfu()
        return GivenMfu(mfu=DEFAULT_MFU if self.mfu is None else self.mfu)
