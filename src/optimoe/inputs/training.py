"""The options of ``optimoe plan`` about the training run and about prices."""

import math
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.cost.hardware.accelerator import Accelerator, Cluster, find_accelerator, parse_gpus
from optimoe.cost.hardware.price import GpuPrice, given_price, list_price, load_prices
from optimoe.cost.training.estimate import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN, TrainRun
from optimoe.inputs.quantities import Quantity, whole
from optimoe.planner.problem.training import DEFAULT_MFU, GivenMfu, PredictedMfu, Training, gpu_time_s


@Parameter(name="*", group="Prices")
@dataclass(frozen=True, kw_only=True)
class PriceOptions:
    """Dollars of GPU hours."""

    prices: Path | None = None
    """Price sheet: a TOML file of [[price]] rows (accelerator, usd_per_gpu_hour), before the list prices."""
    train_usd_per_hour: float | None = None
    """Price of a training GPU hour, instead of the list price."""
    serve_usd_per_hour: float | None = None
    """Price of a serving GPU hour, instead of the list price."""

    def training(self, accelerator: str) -> GpuPrice:
        """Of a training GPU."""
        return self._price(accelerator, self.train_usd_per_hour, "--train-usd-per-hour")

    def serving(self, accelerator: str) -> GpuPrice:
        """Of a serving GPU."""
        return self._price(accelerator, self.serve_usd_per_hour, "--serve-usd-per-hour")

    def _price(self, accelerator: str, usd_per_hour: float | None, option: str) -> GpuPrice:
        if usd_per_hour is not None:
            return given_price(usd_per_hour)
        try:
            return list_price(accelerator, load_prices(self.prices) if self.prices else ())
        except InputError as error:
            raise InputError(f"{option}: missing, and {error}") from None


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Hardware and budget of the training run."""

    train_flops: Quantity | None = None
    """Training budget in FLOPs (6ND)."""
    train_gpus: str | None = None
    """GPUs of the training run, such as 64xh100-sxm (the serving GPU if left out)."""
    train_days: float | None = None
    """Training budget as the days that they run."""
    train_usd: Quantity | None = None
    """Training budget in dollars."""
    mfu: float | None = None
    """Model FLOPs utilisation; left out, that of each design's best layout on --train-gpus, or 0.4 without."""
    batch_tokens: Quantity = float(USUAL_BATCH_TOKENS)
    """Tokens of a training step on --train-gpus."""
    seq_len: Quantity = float(USUAL_SEQ_LEN)
    """Tokens of a training sequence."""

    def training(self, default_gpu: str, prices: PriceOptions) -> Training:
        """The training part of a problem; of two budgets both are kept.

        Raises:
            InputError: Days without GPUs, or a price is missing.
            ConfigError: A number is out of limits.
        """
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
        )

    def _utilisation(self, num_gpus: int) -> GivenMfu | PredictedMfu:
        if self.mfu is None and num_gpus:
            return PredictedMfu()
        return GivenMfu(mfu=DEFAULT_MFU if self.mfu is None else self.mfu)

    def _run(self, accelerator: Accelerator, num_gpus: int) -> TrainRun | None:
        if not num_gpus:
            return None
        return TrainRun(
            cluster=Cluster(accelerator=accelerator, num_gpus=num_gpus),
            batch_tokens=whole("batch_tokens", self.batch_tokens),
            seq_len=whole("seq_len", self.seq_len),
        )
