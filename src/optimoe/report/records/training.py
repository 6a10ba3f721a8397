"""JSON of ``optimoe cost train``, and of a training run as it was asked for."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.arch.flops import Recompute
from optimoe.core.records import same_fields
from optimoe.cost.training.estimate import TrainEstimate, TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import AttentionKernel, TrainSetup
from optimoe.report.records.deployment import (
    ClusterRecord,
    PriceRecord,
    RoutingRecord,
    cluster_record,
    price_record,
    routing_record,
)


@dataclass(frozen=True, kw_only=True)
class TrainLayoutRecord:
    """How a training run is split; tp · pp · dp is its number of GPUs.

    Attributes:
        tp: Tensor parallel: GPUs that split heads and widths.
        ep: Expert parallel: parts into which the experts of a layer are dealt.
        pp: Pipeline stages.
        dp: Data-parallel ranks, each with sequences of its own.
        zero: Stage of ZeRO: what the data-parallel ranks share.
        micro_batch: Sequences of one rank in one pass.
        interleave: Chunks of layers per pipeline stage.
        recompute: Activations computed again in the backward pass: none, selective or full.
        sequence_parallel: Whether norms and residuals are split by tokens over tp.
        first_layers: Layers of the first pipeline stage.
        last_layers: Layers of the last one; those between hold as many each.
    """

    tp: int
    ep: int
    pp: int
    dp: int
    zero: int
    micro_batch: int
    interleave: int
    recompute: Recompute
    sequence_parallel: bool
    first_layers: int
    last_layers: int


@dataclass(frozen=True, kw_only=True)
class TrainStepRecord:
    """Seconds of one step by cause; exchange counts as far as arithmetic does not hide it.

    Attributes:
        products_s: Matrix products of attention, dense feed-forwards and logits, forward and backward.
        experts_s: Routed and shared experts, forward and backward.
        attention_s: Scores and weighted values, forward and backward.
        elementwise_s: Norms, activations and residuals, forward and backward.
        recompute_s: What runs again in the backward pass.
        tensor_parallel_s: Exchange of tensor-parallel ranks.
        all_to_all_s: Exchange of tokens between expert-parallel ranks.
        data_parallel_s: Exchange of gradients and weights.
        pipeline_s: Exchange between pipeline stages.
        bubble_s: Waiting for the pipeline to fill and drain, and for its slowest stage.
        optimizer_s: Update of the weights.
        unexplained_s: What real trainers need beyond all that.
    """

    products_s: float
    experts_s: float
    attention_s: float
    elementwise_s: float
    recompute_s: float
    tensor_parallel_s: float
    all_to_all_s: float
    data_parallel_s: float
    pipeline_s: float
    bubble_s: float
    optimizer_s: float
    unexplained_s: float


@dataclass(frozen=True, kw_only=True)
class TrainMemoryRecord:
    """Bytes of the GPU that holds most.

    Attributes:
        weights: Bytes of weights in 16 bit.
        gradients: Bytes of its parameters' gradients.
        optimizer: Bytes of fp32 master weights and two moments.
        activations: Bytes kept for the backward pass, and the logits.
        usable: Bytes of device memory that a trainer can use.
    """

    weights: float
    gradients: float
    optimizer: float
    activations: float
    usable: float


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A training run in its fastest layout that fits.

    Attributes:
        name: The model's name.
        gpu: The accelerator's name.
        num_gpus: GPUs of the run.
        layout: How the run is split.
        mfu: Model FLOPs utilisation, 6ND over the time at the peak of the products' precision.
        mfu_low: Lower end of the band of 90 % of published runs.
        mfu_high: Upper end of that band.
        tokens_per_s: Training tokens per second of all GPUs.
        days: Days of the run, what the goodput loses among them.
        train_gpu_hours: GPU hours of the run, idle ones among them.
        train_gpu_hours_low: Lower end of the band of published runs' hours.
        train_gpu_hours_high: Upper end of that band.
        goodput: Time of steps over the time that is paid for.
        usd: Dollars of the run; null without a price.
        train_energy_kwh: Energy of the GPUs' boards times PUE; null where the board's power is not known.
        batch_tokens: Tokens of a step in this layout.
        batch_source: Where the batch is from; empty where it was stated.
        idle_gpus: GPUs that the layout leaves idle; they are paid.
        step_s: Time of one step.
        step: Time of one step by cause.
        memory: What one GPU holds.
        bound_by: The cause that takes the largest part of a step.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    gpu: str
    num_gpus: int
    layout: TrainLayoutRecord
    mfu: float
    mfu_low: float
    mfu_high: float
    tokens_per_s: float
    days: float
    train_gpu_hours: float
    train_gpu_hours_low: float
    train_gpu_hours_high: float
    goodput: float
    usd: float | None
    train_energy_kwh: float | None
    batch_tokens: int
    batch_source: str
    idle_gpus: int
    step_s: float
    step: TrainStepRecord
    memory: TrainMemoryRecord
    bound_by: str
    speculated: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class TrainSetupRecord:
    """A trainer and how it is set up.

    Attributes:
        precision: Precision of the products: bf16 or fp8.
        attention: ``flash`` never stores the scores, ``unfused`` writes and reads them.
        dropout: Whether masks are kept for the backward pass.
        gradient_bytes: Bytes of one gradient at rest and on the wire.
        routing: How tokens spread over experts.
        tp_overlap: Share of the tensor-parallel exchange that runs behind arithmetic.
        ep_overlap: Share of the expert-parallel exchange that runs behind arithmetic.
        pp_overlap: Share of the pipeline's exchange that runs behind arithmetic.
        dp_overlap: Share of the arithmetic behind which gradients and weights travel.
        time_scale: Measured over predicted time of a step; 1 is the bare model.
    """

    precision: str
    attention: AttentionKernel
    dropout: bool
    gradient_bytes: int
    routing: RoutingRecord
    tp_overlap: float
    ep_overlap: float
    pp_overlap: float
    dp_overlap: float
    time_scale: float


@dataclass(frozen=True, kw_only=True)
class TrainRunRecord:
    """A training run on a stated cluster.

    Attributes:
        cluster: The GPUs.
        batch_tokens: Tokens of one step over all ranks; each layout takes the nearest that its ranks can share.
        batch_source: Where the batch is from; empty where it was stated.
        seq_len: Tokens of a sequence.
        goodput: Time of steps over the time that is paid for.
        setup: The trainer.
        price: Price of a GPU hour.
    """

    cluster: ClusterRecord
    batch_tokens: int
    batch_source: str
    seq_len: int
    goodput: float
    setup: TrainSetupRecord
    price: PriceRecord


def train_layout_record(layout: TrainLayout) -> TrainLayoutRecord:
    """How a run is split."""
    return same_fields(TrainLayoutRecord, layout)


def training_record(best: TrainEstimate, tokens: float) -> TrainingRecord:
    """A run on so many tokens, with what its step and its memory consist of."""
    mfu_low, mfu_high = best.mfu_range()
    hours = best.gpu_hours(tokens)
    return TrainingRecord(
        name=best.arch.name,
        speculated=best.arch.speculated or UNSET,
        gpu=best.run.cluster.accelerator.name,
        num_gpus=best.run.cluster.num_gpus,
        layout=train_layout_record(best.layout),
        mfu=best.mfu(),
        mfu_low=mfu_low,
        mfu_high=mfu_high,
        tokens_per_s=best.tokens_per_s,
        days=best.days(tokens),
        train_gpu_hours=hours.value,
        train_gpu_hours_low=hours.low,
        train_gpu_hours_high=hours.high,
        goodput=best.run.goodput,
        usd=best.usd(tokens),
        train_energy_kwh=best.energy_kwh(tokens),
        batch_tokens=best.batch_tokens,
        batch_source=best.run.batch_source,
        idle_gpus=best.idle_gpus,
        step_s=best.step.total_s,
        step=same_fields(TrainStepRecord, best.step),
        memory=same_fields(TrainMemoryRecord, best.memory),
        bound_by=best.bound_by,
    )


def train_setup_record(setup: TrainSetup) -> TrainSetupRecord:
    """A trainer and how it is set up."""
    return same_fields(TrainSetupRecord, setup, routing=routing_record(setup.routing))


def train_run_record(run: TrainRun) -> TrainRunRecord:
    """A run as it was asked for."""
    return same_fields(
        TrainRunRecord,
        run,
        cluster=cluster_record(run.cluster),
        setup=train_setup_record(run.setup),
        price=price_record(run.price),
    )
