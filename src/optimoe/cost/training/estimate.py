"""What a training run takes: utilisation, tokens per second, days, dollars, memory, and what binds."""

from dataclasses import dataclass, field
from typing import Literal

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN, decode_flops, train_flops_per_token
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError, require, require_positive
from optimoe.core.provenance import Estimate
from optimoe.core.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.energy import energy_kwh
from optimoe.cost.hardware.price import GpuPrice, unknown_price
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN
from optimoe.cost.training.layout import (
    Stages,
    TrainLayout,
    check_train_layout,
    pipeline_stages,
    staged,
    step_sequences,
)
from optimoe.cost.training.memory import TrainMemory, train_memory
from optimoe.cost.training.setup import TrainSetup, training_range
from optimoe.cost.training.step import TrainStep, train_step

FlopConvention = Literal["6nd", "counted", "whole_square"]
CONVENTIONS: tuple[FlopConvention, ...] = ("6nd", "counted", "whole_square")


@dataclass(frozen=True, kw_only=True)
class TrainRun:
    """A training run as it is asked for: cluster, batch, trainer and price.

    Attributes:
        cluster: All GPUs of the run.
        batch_tokens: Tokens of one step, over all ranks; a layout takes as many whole sequences as its ranks can
            share (:func:`optimoe.cost.training.layout.step_sequences`).
        seq_len: Tokens of a sequence.
        setup: The trainer.
        price: Price of a GPU hour.
        batch_source: Where the batch is from, where nobody stated it; empty where somebody did.
        goodput: Time that steps take, over the time that is paid for: the rest goes to failures, restarts,
            checkpoints, evaluation and waits for data. :func:`optimoe.cost.training.setup.usual_goodput` has one.

    Raises:
        ConfigError: A count is not positive, the batch has less than half a sequence, a goodput is not in (0, 1],
        or
            the accelerator has no peak in the precision of the products.
    """

    cluster: Cluster
    batch_tokens: int = USUAL_BATCH_TOKENS
    seq_len: int = USUAL_SEQ_LEN
    setup: TrainSetup = field(default_factory=TrainSetup)
    price: GpuPrice = field(default_factory=unknown_price)
    batch_source: str = ""
    goodput: float = 1.0

    def __post_init__(self) -> None:
        require_positive(self, "batch_tokens", "seq_len")
        require(0 < self.goodput <= 1, "goodput", "above 0 and at most 1", self.goodput)
        gpu = self.cluster.accelerator
        # served weights can be unpacked to bf16 where a GPU lacks their peak; a training run would gain nothing
        has = f"a peak of {gpu.name} ({', '.join(gpu.peak_flops_per_s)})"
        require(self.setup.precision in gpu.peak_flops_per_s, "precision", has, self.setup.precision)
        least = f"half of seq_len = {self.seq_len} or more"
        require(self.sequences > 0, "batch_tokens", least, self.batch_tokens)

    @property
    def sequences(self) -> int:
        """Sequences of one step over all ranks, the batch rounded to whole ones."""
        return int(self.batch_tokens / self.seq_len + 0.5)

    @property
    def measured_here(self) -> bool:
        """Whether training steps were measured on the machine itself, in this precision or another."""
        return self.cluster.accelerator.curve("training", self.setup.precision) is not None

    @property
    def peak_flops_per_s(self) -> float:
        """FLOP/s of all GPUs at their peak in the precision of the products."""
        return self.cluster.num_gpus * self.cluster.accelerator.flops_per_s(self.setup.precision)


@dataclass(frozen=True, kw_only=True)
class TrainEstimate:
    """The time and memory of one training run with one layout.

    Attributes:
        arch: The model.
        run: The question.
        layout: How it is split.
        step: Seconds of one step.
        memory: Bytes of the fullest GPU.
    """

    arch: ArchSpec
    run: TrainRun
    layout: TrainLayout
    step: TrainStep
    memory: TrainMemory

    @property
    def batch_tokens(self) -> int:
        """Tokens of a step in this layout: the batch asked for, moved to what its ranks can share."""
        return int(step_sequences(self.layout, self.run.sequences)) * self.run.seq_len

    @property
    def idle_gpus(self) -> int:
        """GPUs that the layout leaves idle: they are paid, and count in the utilisation."""
        return int(self.run.cluster.num_gpus - self.layout.num_gpus)

    @property
    def stages(self) -> Stages:
        """Layers of the pipeline's stages."""
        return pipeline_stages(self.arch, self.layout)

    @property
    def tokens_per_s(self) -> float:
        """Training tokens per second of all GPUs, while steps run."""
        return float(self.batch_tokens / self.step.total_s)

    def mfu(self, convention: FlopConvention = "6nd") -> float:
        """Model FLOPs utilisation: FLOPs of the convention over time and the peak of the products' precision."""
        flops = model_flops_per_token(self.arch, self.run.seq_len, convention) * self.batch_tokens
        return float(flops / (self.step.total_s * self.run.peak_flops_per_s))

    def mfu_range(self, convention: FlopConvention = "6nd") -> tuple[float, float]:
        """The range in which 90 % of published runs lie for a prediction like this one; at most 1."""
        low, high = training_range("here_error" if self.run.measured_here else "mfu_error")
        return self.mfu(convention) / high, min(1.0, self.mfu(convention) / low)

    def mfu_bf16(self, convention: FlopConvention = "6nd") -> float:
        """Utilisation of the bf16 peak, whatever the precision: what a planner's budgets are stated in."""
        gpu = self.run.cluster.accelerator
        return self.mfu(convention) * gpu.flops_per_s(self.run.setup.precision) / gpu.flops_per_s("bf16")

    def days(self, tokens: float) -> float:
        """Days to train on so many tokens, those that the goodput loses among them.

        Raises:
            ConfigError: The tokens are not positive.
        """
        require(tokens > 0, "tokens", "positive", tokens)
        return tokens / self.tokens_per_s / self.run.goodput / SECONDS_PER_DAY

    def gpu_hours(self, tokens: float) -> Estimate:
        """GPU hours that so many tokens take, with the band of published runs' hours, or of steps measured here.

        Raises:
            ConfigError: The tokens are not positive.
        """
        hours = self.days(tokens) * SECONDS_PER_DAY / SECONDS_PER_HOUR * self.run.cluster.num_gpus
        if self.run.measured_here:
            low, high = training_range("here_error")
            return Estimate(value=hours, low=low * hours, high=high * hours)
        return hours_band(hours)

    def usd(self, tokens: float) -> float:
        """Dollars for so many tokens; NaN without a price."""
        return self.gpu_hours(tokens).value * SECONDS_PER_HOUR * self.run.price.usd_per_gpu_s

    def energy_kwh(self, tokens: float) -> float:
        """Energy for so many tokens; NaN where the board's power is not known."""
        return float(energy_kwh(self.gpu_hours(tokens).value, self.run.cluster.accelerator))

    @property
    def bound_by(self) -> str:
        """The cause that takes the largest part of a step."""
        names = {name: float(value) for name, value in vars(self.step).items()}
        return max(names, key=lambda name: names[name]).removesuffix("_s")


def hours_band(hours: float) -> Estimate:
    """Predicted hours, or what is proportional to them, with the range of published over predicted hours.

    The prediction is that of a trainer as well tuned as published benchmarks; most labs' runs lie above it.
    """
    low, high = training_range("hours_error")
    return Estimate(value=hours, low=low * hours, high=high * hours)


def model_flops_per_token(arch: ArchSpec, seq_len: Values, convention: FlopConvention) -> Values:
    """Training FLOPs of one token that count as useful; recomputation never does.

    ``6nd``: 6·N_act, both embeddings in N_act, no attention scores (Kaplan 2020). ``counted``: every product,
    scores over the causal half. ``whole_square``: scores over the whole square, as Megatron-LM counts
    (arXiv 2205.05198, Eq. 7), no embedding lookup.

    Raises:
        UnknownNameError: No such convention.
    """
    if convention == "6nd":
        return TRAIN_FLOPS_PER_PARAM_TOKEN * count_params(arch).active
    if convention == "counted":
        return train_flops_per_token(arch, seq_len)
    if convention == "whole_square":
        return 3 * decode_flops(arch, seq_len, mla="expanded").total
    raise UnknownNameError("convention", convention, CONVENTIONS)


def estimate_training(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> TrainEstimate:
    """The estimate of one model with one layout, whether or not it fits.

    Raises:
        ConfigError: The layout takes more than the GPUs, does not divide the model, or is far from the batch.
    """
    check_train_layout(arch, run.cluster.num_gpus, run.sequences, layout)
    layout = staged(arch, layout)
    step, memory = predict(arch, run, layout)
    return TrainEstimate(arch=arch, run=run, layout=layout, step=step, memory=memory)


def predict(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> tuple[TrainStep, TrainMemory]:
    """Step and memory over grids of designs and layouts, by the same code as for one."""
    gpu, seq_len, sequences = run.cluster.accelerator, run.seq_len, step_sequences(layout, run.sequences)
    step = train_step(gpu, arch, layout, run.setup, sequences=sequences, seq_len=seq_len)
    machine = Machine(gpu=gpu, layout=layout.parts, execution=run.setup.execution)
    return step, train_memory(machine, arch, layout, run.setup, sequences=sequences, seq_len=seq_len)
