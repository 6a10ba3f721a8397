"""The training run of a plan: hardware and budget."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.cost.training import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN
from optimoe.inputs.groups.hardware import PlanPrices
from optimoe.inputs.quantities import Quantity, whole
from optimoe.inputs.sources import Gpus

if TYPE_CHECKING:
    from optimoe.cost.hardware.accelerator import Accelerator
    from optimoe.cost.training.estimate import TrainRun
    from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainBatch:
    """The step of a training run."""

    batch_tokens: Quantity = float(USUAL_BATCH_TOKENS)
    """Tokens of a training step, over all GPUs."""
    seq_len: Quantity = float(USUAL_SEQ_LEN)
    """Tokens of a training sequence."""


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
    mfu: float | None = None
    """Model FLOPs utilisation; left out, that of each design's best layout on --train-gpus, or 0.4 without."""

    routing_flops: float = 14.0
    """FLOPs of routing a training token, for each weight of the routers: 14 by Krajewski 2024 (6 to 20); 6 is the
    product with the router's matrix alone, which 6ND holds."""

    def training(self, default_gpu: str, prices: PlanPrices) -> "Training":
        """The training part of a problem; of two budgets both are kept.

        Args:
            default_gpu: The GPU where none is stated for training.
            prices: Dollars of GPU hours.

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
        return Training(
            accelerator=accelerator,
            price=price,
            utilisation=self._utilisation(num_gpus),
            run=self._run(accelerator, num_gpus),
            budget_flops=math.inf if self.train_flops is None else self.train_flops,
            budget_gpu_s=gpu_s,
            routing_flops_per_weight=self.routing_flops,
        )

    def _utilisation(self, num_gpus: int) -> "GivenMfu | PredictedMfu":
        from optimoe.planner.problem.training import DEFAULT_MFU, GivenMfu, PredictedMfu

        if self.mfu is None and num_gpus:
            return PredictedMfu()
        return GivenMfu(mfu=DEFAULT_MFU if self.mfu is None else self.mfu)

    def _run(self, accelerator: "Accelerator", num_gpus: int) -> "TrainRun | None":
        from optimoe.cost.hardware.accelerator import Cluster
        from optimoe.cost.training.estimate import TrainRun

        if not num_gpus:
            return None
        return TrainRun(
            cluster=Cluster(accelerator=accelerator, num_gpus=num_gpus),
            batch_tokens=whole("batch_tokens", self.batch_tokens),
            seq_len=whole("seq_len", self.seq_len),
        )
