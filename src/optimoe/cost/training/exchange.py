"""What the GPUs of a training run send each other in one micro-batch or one step, in seconds on one GPU."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.arch.traffic import (
    ALL_TO_ALLS_PER_MOE_LAYER,
    all_reduce_bytes_per_token,
    expected_expert_ranks,
    expert_parallel_collectives,
    tensor_parallel_collectives,
)
from optimoe.core.arrays import Values
from optimoe.cost.kernels.families.collectives import collective_s, send_s
from optimoe.cost.layers.exchange import all_to_all_s
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.memory import StageParams
from optimoe.cost.training.setup import WEIGHT_BYTES, TrainSetup


@dataclass(frozen=True, kw_only=True)
class DataParallelTime:
    """Seconds of the collectives over the data-parallel ranks.

    Attributes:
        per_micro_batch_s: What ZeRO 2 and 3 repeat in every micro-batch.
        per_step_s: What runs once.
    """

    per_micro_batch_s: Values
    per_step_s: Values


def passes_of(layout: TrainLayout) -> Values:
    """Passes that exchange activations: forward and backward, and once more where layers run again."""
    return np.where(layout.full_recompute, 3, 2)[()]


def tensor_parallel_s(machine: Machine, arch: ArchSpec, layout: TrainLayout, tokens: Values) -> Values:
    """Seconds of tensor-parallel collectives of one micro-batch through all layers.

    Two all-reduces a layer and pass (Megatron-LM, arXiv 1909.08053, Sec. 3); with sequence parallelism as many
    pairs of all-gather and reduce-scatter of the same tensor (arXiv 2205.05198, Sec. 4.2.2). One fewer where
    dispatch and combine take the second's place.
    """
    payload = tokens * all_reduce_bytes_per_token(arch)
    shared = np.asarray(machine.layout.attention_ranks) > 1
    calls = tensor_parallel_collectives(arch) - np.where(shared, expert_parallel_collectives(arch) / 2, 0)
    whole_s = collective_s(machine.gpu, "all_reduce_nccl", layout.tp, payload)
    gather_s = collective_s(machine.gpu, "all_gather", layout.tp, payload)
    scatter_s = collective_s(machine.gpu, "reduce_scatter", layout.tp, payload)
    return passes_of(layout) * calls * np.where(layout.sequence_parallel, gather_s + scatter_s, whole_s)


def expert_parallel_s(machine: Machine, arch: ArchSpec, layout: TrainLayout, tokens: Values) -> Values:
    """Seconds of dispatch and combine of one micro-batch through all layers, in every pass.

    Inside a node as in serving; over nodes as :func:`_over_nodes_s`.
    """
    inside_s = all_to_all_s(machine, arch, tokens)
    across = np.asarray(machine.layout.group) > machine.gpu.linked_gpus
    if np.any(across):
        inside_s = np.where(across, _over_nodes_s(machine, arch, tokens), inside_s)
    return passes_of(layout) * inside_s


def _over_nodes_s(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Seconds of dispatch and combine over n nodes: a token travels once to each node, then over NVLink.

    Bytes of a GPU over the network 2·T/tp·d·n·(1 − (1 − 1/n)^k)·(n − 1)/n each way, and inside the node
    2·T/tp·d·ep·(1 − (1 − 1/ep)^k) at the same time: the slower of both (DeepEP's scheme; DeepSeek-V3, arXiv
    2412.19437, Sec. 3.2.2). Routing that is limited to fewer nodes sends less: an upper estimate.
    """
    layout, gpu = machine.layout, machine.gpu
    nodes = np.maximum(np.asarray(layout.group) / gpu.linked_gpus, 1.0)
    total_s: Values = 0.0
    for group in arch.layers:
        if not isinstance(group.ffn, MoE):
            continue
        one_way = tokens / layout.tp * all_reduce_bytes_per_token(arch)
        remote = one_way * expected_expert_ranks(group.ffn.mean_top_k, nodes) * (nodes - 1) / nodes
        local = one_way * expected_expert_ranks(group.ffn.mean_top_k, layout.ep)
        slower_s = np.maximum(send_s(gpu, remote, across=True), send_s(gpu, local, across=False))
        total_s = total_s + ALL_TO_ALLS_PER_MOE_LAYER * group.num_layers * slower_s
    return np.where(np.asarray(layout.attention_ranks) > 1, total_s, 0.0)


def send_between_stages_s(machine: Machine, arch: ArchSpec, layout: TrainLayout, tokens: Values) -> Values:
    """Seconds to hand one micro-batch's activations to the next stage, each GPU of tp its share; 0 for pp = 1.

    Scatter and gather over tp: Narayanan 2021, arXiv 2104.04473, Sec. 4.1.
    """
    payload = tokens * all_reduce_bytes_per_token(arch) / layout.tp
    across = np.asarray(layout.tp) * layout.dp * layout.pp > machine.gpu.linked_gpus
    sent_s = np.where(
        across, send_s(machine.gpu, payload, across=True), send_s(machine.gpu, payload, across=False)
    )
    return np.where(np.asarray(layout.pp) > 1, sent_s, 0.0)[()]


def data_parallel_s(
    machine: Machine, params: StageParams, layout: TrainLayout, setup: TrainSetup
) -> DataParallelTime:
    """Seconds of gradients and weights over the data-parallel ranks, for the parameters of one GPU.

    ZeRO 0: one all-reduce of the gradients. 1: reduce-scatter, then all-gather of the weights, once a step.
    2: the reduce-scatter in every micro-batch. 3: weights gathered for the forward and for the backward pass of
    every micro-batch, too, at every pass where layers share them. Experts travel among their own copies (arXiv
    1910.02054, Sec. 7).
    """
    gpu, parts = machine.gpu, machine.layout
    reduce_s: Values = 0.0
    scatter_s: Values = 0.0
    gather_s: Values = 0.0
    for count, ranks, stride in (
        (params.common, layout.dp, layout.tp),
        (params.experts, parts.replicas, parts.group),
    ):
        if not np.any(count):
            continue
        gradients = setup.gradient_bytes * count
        reduce_s = reduce_s + collective_s(gpu, "all_reduce_nccl", ranks, gradients, stride=stride)
        scatter_s = scatter_s + collective_s(gpu, "reduce_scatter", ranks, gradients, stride=stride)
        gather_s = gather_s + collective_s(gpu, "all_gather", ranks, WEIGHT_BYTES * count, stride=stride)
    zero = np.asarray(layout.zero)
    each = np.where(zero >= 2, scatter_s, 0.0) + np.where(zero >= 3, 2 * params.passes * gather_s, 0.0)
    once = np.where(zero == 0, reduce_s, np.where(zero == 1, scatter_s, 0.0)) + np.where(
        (zero == 1) | (zero == 2), gather_s, 0.0
    )
    return DataParallelTime(per_micro_batch_s=each[()], per_step_s=once[()])
