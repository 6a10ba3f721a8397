"""What a training run takes: utilisation, tokens per second, days, dollars, memory, and what binds."""

from dataclasses import dataclass, field
from typing import Literal

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN, decode_flops, train_flops_per_token
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import UnknownNameError, require, require_positive
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.hardware.accelerator import Cluster
from optimoe.cost.hardware.price import GpuPrice, unknown_price
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training import USUAL_BATCH_TOKENS, USUAL_SEQ_LEN
from optimoe.cost.training.layout import TrainLayout, check_train_layout
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
        batch_tokens: Tokens of one step, over all ranks.
        seq_len: Tokens of a sequence.
        setup: The trainer.
        price: Price of a GPU hour.

    Raises:
        ConfigError: A count is not positive, the batch is no whole number of sequences, or the accelerator has no
            peak in the precision of the products.
    """

    cluster: Cluster
    batch_tokens: int = USUAL_BATCH_TOKENS
    seq_len: int = USUAL_SEQ_LEN
    setup: TrainSetup = field(default_factory=TrainSetup)
    price: GpuPrice = field(default_factory=unknown_price)

    def __post_init__(self) -> None:
        require_positive(self, "batch_tokens", "seq_len")
        gpu = self.cluster.accelerator
        # served weights can be unpacked to bf16 where a GPU lacks their peak; a training run would gain nothing
        has = f"a peak of {gpu.name} ({', '.join(gpu.peak_flops_per_s)})"
        require(self.setup.precision in gpu.peak_flops_per_s, "precision", has, self.setup.precision)
        whole, left = divmod(self.batch_tokens, self.seq_len)
        around = " and ".join(str(count * self.seq_len) for count in (whole, whole + 1) if count)
        limit = f"a multiple of seq_len = {self.seq_len} (nearest: {around})"
        require(left == 0, "batch_tokens", limit, self.batch_tokens)

    @property
    def sequences(self) -> int:
        """Sequences of one step, over all ranks."""
        return self.batch_tokens // self.seq_len

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
    def tokens_per_s(self) -> float:
        """Training tokens per second of all GPUs."""
        return float(self.run.batch_tokens / self.step.total_s)

    def mfu(self, convention: FlopConvention = "6nd") -> float:
        """Model FLOPs utilisation: FLOPs of the convention over time and the peak of the products' precision."""
        return float(_mfu(self.arch, self.run, self.step.total_s, convention))

    def mfu_range(self, convention: FlopConvention = "6nd") -> tuple[float, float]:
        """The range in which 90 % of published runs lie for a prediction like this one; at most 1."""
        low, high = training_range("mfu_error")
        return self.mfu(convention) / high, min(1.0, self.mfu(convention) / low)

    def mfu_bf16(self, convention: FlopConvention = "6nd") -> float:
        """Utilisation of the bf16 peak, whatever the precision: what a planner's budgets are stated in."""
        gpu = self.run.cluster.accelerator
        return self.mfu(convention) * gpu.flops_per_s(self.run.setup.precision) / gpu.flops_per_s("bf16")

    def days(self, tokens: float) -> float:
        """Days to train on so many tokens, without failures and restarts.

        Raises:
            ConfigError: The tokens are not positive.
        """
        require(tokens > 0, "tokens", "positive", tokens)
        return tokens / self.tokens_per_s / SECONDS_PER_DAY

    def usd(self, tokens: float) -> float:
        """Dollars for so many tokens; NaN without a price."""
        return self.days(tokens) * SECONDS_PER_DAY * self.run.cluster.num_gpus * self.run.price.usd_per_gpu_s

    @property
    def bound_by(self) -> str:
        """The cause that takes the largest part of a step."""
        names = {name: float(value) for name, value in vars(self.step).items()}
        return max(names, key=lambda name: names[name]).removesuffix("_s")


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
        ConfigError: The layout does not use the GPUs, or does not divide the model or the batch.
    """
    check_train_layout(arch, run.cluster.num_gpus, run.sequences, layout)
    step, memory = predict(arch, run, layout)
    return TrainEstimate(arch=arch, run=run, layout=layout, step=step, memory=memory)


def predict(arch: ArchSpec, run: TrainRun, layout: TrainLayout) -> tuple[TrainStep, TrainMemory]:
    """Step and memory over grids of designs and layouts, by the same code as for one."""
    gpu, sequences, seq_len = run.cluster.accelerator, run.sequences, run.seq_len
    step = train_step(gpu, arch, layout, run.setup, sequences=sequences, seq_len=seq_len)
    machine = Machine(gpu=gpu, layout=layout.parts, execution=run.setup.execution)
    return step, train_memory(machine, arch, layout, run.setup, sequences=sequences, seq_len=seq_len)


def _mfu(arch: ArchSpec, run: TrainRun, step_s: Values, convention: FlopConvention) -> Values:
    flops = model_flops_per_token(arch, run.seq_len, convention) * run.batch_tokens
    return flops / (step_s * run.peak_flops_per_s)
