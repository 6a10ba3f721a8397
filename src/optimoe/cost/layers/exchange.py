"""What the GPUs of one copy of a model send each other in a pass, in seconds."""

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.precision.formats import PLAIN_FORMAT, bytes_per_value
from optimoe.arch.spec import ArchSpec
from optimoe.arch.traffic import (
    all_reduce_bytes_per_token,
    expected_expert_ranks,
    expert_parallel_collectives,
    tensor_parallel_collectives,
)
from optimoe.core.arrays import Flags, Values
from optimoe.cost.hardware.arithmetic import operands
from optimoe.cost.kernels.calls import AllReduce
from optimoe.cost.kernels.families.collectives import collective_s, send_s
from optimoe.cost.layers.machine import Machine

COMBINE_BYTES = 2
"""Outputs of experts travel in bf16."""

DISPATCH_BYTES = {"fp8": 1.0, "int8": 1.0, "nvfp4": bytes_per_value("nvfp4")}
"""Inputs of experts travel in the format in which they enter the products, else in bf16: fp8 in DeepSeek-V3 (arXiv
2412.19437, Sec. 3.4), 4 bits and their scales in TensorRT-LLM and FlashInfer."""


def tensor_parallel_s(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Seconds of the all-reduces over tp: two a layer, one where dispatch and combine stand in for the second.

    A cache that is split by tokens (sp > 1) adds one reduce-scatter of the attention outputs over its parts.
    """
    layout, payload = machine.layout, tokens * all_reduce_bytes_per_token(arch)
    routed = expert_parallel_collectives(arch) / 2
    times = tensor_parallel_collectives(arch) - np.where(_shared(machine), routed, 0)
    one = machine.kernels.time(machine.gpu, PLAIN_FORMAT, AllReduce(ranks=layout.tp, payload_bytes=payload))
    total_s = times * one.total_s
    if np.any(np.asarray(layout.sp) > 1):
        mixers = sum(group.num_layers * (not group.mixer.absent) for group in arch.layers)
        total_s = total_s + mixers * collective_s(machine.gpu, "reduce_scatter", layout.sp, payload)
    return total_s


def all_to_all_s(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Seconds of dispatch to the experts' GPUs and combine, where attention ranks share experts; else 0.

    The faster of two ways, over the R GPUs of the group: every token to all (all-gather, then
    reduce-scatter), or each token to the ranks of its experts (two all-to-alls), whose expected number is
    ep·(1 − (1 − 1/ep)^k).
    """
    shared = _shared(machine)
    if not np.any(shared):
        return 0.0
    layout, gpu, ranks = machine.layout, machine.gpu, machine.layout.group
    whole = tokens * layout.attention_ranks * all_reduce_bytes_per_token(arch)
    gather_s = collective_s(gpu, "all_gather", ranks, whole) + collective_s(gpu, "reduce_scatter", ranks, whole)
    total_s: Values = 0.0
    for group in arch.layers:
        if isinstance(group.ffn, MoE):
            copies = tokens / layout.tp * expected_expert_ranks(group.ffn.mean_top_k, layout.ep) * layout.expert_tp
            one_byte = copies * arch.d_model
            precisions = group.precisions
            entering = operands(gpu, precisions.routed_experts, precisions.activations_of("routed_experts"))
            there = collective_s(gpu, "all_to_all", ranks, one_byte * DISPATCH_BYTES.get(entering, 2.0))
            back = collective_s(gpu, "all_to_all", ranks, one_byte * COMBINE_BYTES)
            total_s = total_s + group.num_layers * np.minimum(gather_s, there + back)
    return np.where(shared, total_s, 0.0)


def pipeline_s(machine: Machine, arch: ArchSpec, tokens: Values) -> Values:
    """Seconds to send activations from stage to stage, pp − 1 times; over the network where stages span nodes."""
    layout = machine.layout
    if not np.any(np.asarray(layout.pp) > 1):
        return 0.0
    payload = tokens * arch.num_streams * all_reduce_bytes_per_token(arch) / layout.tp
    across = np.asarray(layout.gpus_per_replica > machine.gpu.linked_gpus)
    return (layout.pp - 1) * np.where(
        across, send_s(machine.gpu, payload, across=True), send_s(machine.gpu, payload, across=False)
    )


def _shared(machine: Machine) -> Flags:
    return np.asarray(machine.layout.attention_ranks) > 1
