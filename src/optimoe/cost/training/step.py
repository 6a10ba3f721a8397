"""Seconds of one training step, a global batch, by what they are spent on."""

from dataclasses import dataclass, fields

import numpy as np

from optimoe.arch.quantize import with_precision
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.exchange import (
    DataParallelTime,
    data_parallel_s,
    expert_parallel_s,
    send_between_stages_s,
    tensor_parallel_s,
)
from optimoe.cost.training.layout import TrainLayout, num_micro_batches, pipeline_stages
from optimoe.cost.training.memory import StageParams, most_params
from optimoe.cost.training.passes import Batch, backward_pass, forward_pass, recomputed_s
from optimoe.cost.training.products import layer_products
from optimoe.cost.training.setup import OPTIMIZER_BYTES, WEIGHT_BYTES, TrainSetup


@dataclass(frozen=True, kw_only=True)
class TrainStep:
    """Seconds of a step by cause; exchange counts as far as it is not hidden behind arithmetic.

    Attributes:
        products_s, experts_s, attention_s, elementwise_s: Kernels forward and backward, logits with the products.
        recompute_s: What runs again.
        tensor_parallel_s, all_to_all_s, data_parallel_s, pipeline_s: Exchange.
        bubble_s: Waiting for the pipeline to fill and drain, and for its slowest stage.
        optimizer_s: Update of the weights.
        unexplained_s: What real trainers need beyond all that: ``time_scale`` − 1 times the rest.
    """

    products_s: Values
    experts_s: Values
    attention_s: Values
    elementwise_s: Values
    recompute_s: Values
    tensor_parallel_s: Values
    all_to_all_s: Values
    data_parallel_s: Values
    pipeline_s: Values
    bubble_s: Values
    optimizer_s: Values
    unexplained_s: Values

    @property
    def total_s(self) -> Values:
        """Seconds of all causes together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def largest(self) -> str:
        """The cause that takes most beyond the products themselves, of a single step."""
        plain = ("products_s", "experts_s", "unexplained_s")
        names = [field.name for field in fields(self) if field.name not in plain]
        return max(names, key=lambda name: getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class _MicroBatch:
    """Seconds of one micro-batch through all stages: kernels and exposed exchange; the logits apart."""

    products_s: Values
    experts_s: Values
    attention_s: Values
    elementwise_s: Values
    recompute_s: Values
    tensor_parallel_s: Values
    all_to_all_s: Values
    logits_s: Values

    @property
    def layers_s(self) -> Values:
        """Everything but the logits."""
        return sum(getattr(self, field.name) for field in fields(self)) - self.logits_s


def train_step(
    gpu: Accelerator, arch: ArchSpec, layout: TrainLayout, setup: TrainSetup, *, sequences: Values, seq_len: Values
) -> TrainStep:
    """Seconds of a step on ``sequences`` sequences of ``seq_len`` tokens.

    With m micro-batches, p stages of v chunks, T the time of the slowest stage and ΣT that of all of them:

        t = (m·T + (ΣT − T)/v + sends + exposed data-parallel exchange + optimizer)·time_scale

    which for even stages is m·T·(1 + (p − 1)/(v·m)): Narayanan 2021, arXiv 2104.04473, Sec. 2.2. Stages take the
    layers that :func:`optimoe.cost.training.layout.pipeline_stages` deals them, the last the logits too.
    Direction: optimistic, for what no kernel table holds (``time_scale`` takes that up), and stragglers are left
    out.
    """
    arch = with_precision(arch, setup.precision)
    machine = Machine(gpu=gpu, layout=layout.parts, execution=setup.execution)
    batch = Batch(sequences=layout.micro_batch, seq_len=seq_len)
    micro = num_micro_batches(layout, sequences)
    one = _micro_batch(machine, arch, batch, layout, setup)
    pp, slowest_s = np.asarray(layout.pp), _slowest_s(arch, layout, one)
    whole_s = one.layers_s + one.logits_s
    wait_s = micro * (slowest_s - whole_s / pp) + (whole_s - slowest_s) / layout.interleave
    params = most_params(arch, layout)
    sent_s = send_between_stages_s(machine, arch, layout, batch.tokens)
    sends = 2 * micro * layout.interleave * (1 - setup.pp_overlap) + 2 * (pp - 1)
    exchange = data_parallel_s(machine, params, layout, setup)
    causes = {
        "products_s": micro / pp * (one.products_s + one.logits_s),
        "experts_s": micro / pp * one.experts_s,
        "attention_s": micro / pp * one.attention_s,
        "elementwise_s": micro / pp * one.elementwise_s,
        "recompute_s": micro / pp * one.recompute_s,
        "tensor_parallel_s": micro / pp * one.tensor_parallel_s,
        "all_to_all_s": micro / pp * one.all_to_all_s,
        "data_parallel_s": _exposed_s(exchange, micro, slowest_s, setup),
        "pipeline_s": sends * sent_s,
        "bubble_s": wait_s,
        "optimizer_s": optimizer_s(gpu, params, layout, setup),
    }
    wide = {name: one[()] for name, one in zip(causes, np.broadcast_arrays(*causes.values()), strict=True)}
    # of a machine whose own steps were measured nothing is left that time_scale would have to explain
    scale = 1.0 if gpu.curve("training", setup.precision) else setup.time_scale
    return TrainStep(**wide, unexplained_s=(scale - 1) * sum(wide.values()))


def _micro_batch(
    machine: Machine, arch: ArchSpec, batch: Batch, layout: TrainLayout, setup: TrainSetup
) -> _MicroBatch:
    products = layer_products(machine, arch, batch.tokens)
    forward = forward_pass(machine, arch, products, batch, layout, setup)
    both = forward + backward_pass(machine, arch, products, batch, layout, setup)
    all_reduce_s = tensor_parallel_s(machine, arch, layout, batch.tokens)
    exchange_s = expert_parallel_s(machine, arch, layout, batch.tokens)
    return _MicroBatch(
        products_s=both.products_s,
        experts_s=both.experts_s,
        attention_s=both.attention_s,
        elementwise_s=both.elementwise_s,
        logits_s=both.logits_s,
        recompute_s=recomputed_s(machine, arch, batch, layout, setup, forward),
        tensor_parallel_s=all_reduce_s - np.minimum(setup.tp_overlap * all_reduce_s, both.layers_s),
        all_to_all_s=exchange_s - np.minimum(setup.ep_overlap * exchange_s, both.layers_s),
    )


def _slowest_s(arch: ArchSpec, layout: TrainLayout, one: _MicroBatch) -> Values:
    """The slowest stage's time of one micro-batch, every layer taken as the mean one."""
    stages, each_s = pipeline_stages(arch, layout), one.layers_s / np.asarray(arch.num_layers)
    ends_s = np.maximum(stages.first * each_s, stages.last * each_s + one.logits_s)
    return np.where(np.asarray(layout.pp) > 2, np.maximum(stages.middle * each_s, ends_s), ends_s)


def _exposed_s(exchange: DataParallelTime, micro: Values, stage_s: Values, setup: TrainSetup) -> Values:
    """Data-parallel exchange that a share ``dp_overlap`` of the arithmetic does not cover.

    What runs once a step hides behind one micro-batch (the last backward, the next first forward), what runs in
    every micro-batch behind that one.
    """
    cover_s = setup.dp_overlap * stage_s
    each_s = micro * np.maximum(exchange.per_micro_batch_s - cover_s, 0.0)
    return each_s + np.maximum(exchange.per_step_s - cover_s, 0.0)


def optimizer_s(gpu: Accelerator, params: StageParams, layout: TrainLayout, setup: TrainSetup) -> Values:
    """Seconds of Adam: gradients read, states read and written, weights written, once per parameter kept."""
    kept = params.common / layout.shared_over_dp(1, layout.dp) + params.experts / layout.shared_over_dp(
        1, layout.parts.replicas
    )
    moved = setup.gradient_bytes + 2 * OPTIMIZER_BYTES + WEIGHT_BYTES
    return kept * moved / gpu.memory_bytes_per_s
