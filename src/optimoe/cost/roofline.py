"""Seconds of one step, prefill or decode, by what they are spent on.

Each operator takes the longer of its arithmetic and its memory traffic; operators, all-reduces and kernel
launches follow each other:

    t = Σ_operators max(FLOPs/(tp·peak·0.70), bytes/(tp·bandwidth·0.75)) + all-reduces + launches

Efficiencies and latencies with their sources: ``data/efficiency.toml``. Left out: activations' traffic,
overlap of communication, load imbalance of experts, sampling, the scheduler.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optimoe.arch.flops import decode_flops, prefill_flops
from optimoe.arch.memory import bytes_per_value, kv_bytes
from optimoe.arch.params import attention_matrix_params, expert_params, ffn_matrix_params
from optimoe.arch.routing import expected_distinct_experts
from optimoe.arch.spec import ArchSpec, LayerGroup, MoE
from optimoe.arch.traffic import all_reduce_bytes_per_token, tensor_parallel_collectives
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.accelerator import Accelerator
from optimoe.cost.collectives import all_reduce_s


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of a step by cause; an operator's time goes to the side of its roofline that binds."""

    compute_s: Values
    weight_reads_s: Values
    expert_reads_s: Values
    kv_reads_s: Values
    all_reduce_s: Values
    launch_s: Values

    @property
    def total_s(self) -> Values:
        """All causes together."""
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A tensor-parallel group: its effective rates for one model precision.

    Attributes:
        gpu: The accelerator.
        tp: Tensor-parallel degree; may be an array.
        precision: Of the weights.
        kv_precision: Of the cache.
    """

    gpu: Accelerator
    tp: Any
    precision: str = "bf16"
    kv_precision: str = "bf16"

    @property
    def flops_per_s(self) -> Values:
        """Arithmetic of the group that kernels reach."""
        return self.tp * self.gpu.flops_per_s(self.precision) * efficiency("compute")

    @property
    def bytes_per_s(self) -> Values:
        """Memory traffic of the group that kernels reach."""
        return self.tp * self.gpu.memory_bytes_per_s * efficiency("memory_bandwidth")

    def kv_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which a cache spreads: no more than it has key-value heads."""
        return np.minimum(self.tp, num_kv_heads)


def efficiency(name: str) -> float:
    """One value of ``efficiency.toml``."""
    return float(load_facts("optimoe.cost", "efficiency.toml")[name]["value"])


def efficiency_sources() -> tuple[Assumption, ...]:
    """The constants of the cost model, each with its basis and source."""
    return tuple(
        Assumption(
            name=name.replace("_", " "),
            value=str(row.get("value", "by protocol")),
            basis=Basis(row["basis"]),
            source=row["source"],
        )
        for name, row in load_facts("optimoe.cost", "efficiency.toml").items()
    )


def decode_step(machine: Machine, arch: ArchSpec, batch: Values, context: float) -> StepTime:
    """One token of each of ``batch`` requests, each with ``context`` tokens in the cache."""
    return _step(
        machine,
        arch,
        tokens=batch,
        score_flops=batch * decode_flops(arch, context).attention_scores,
        cache_bytes=batch * kv_bytes(arch, context, machine.kv_precision),
        logits=batch,
    )


def prefill_step(machine: Machine, arch: ArchSpec, length: float) -> StepTime:
    """The prompt of one request: ``length`` tokens, causal, with logits of the last one only."""
    return _step(
        machine,
        arch,
        tokens=length,
        score_flops=length * prefill_flops(arch, length).attention_scores,
        cache_bytes=kv_bytes(arch, length, machine.kv_precision),
        logits=1,
    )


def _step(
    machine: Machine,
    arch: ArchSpec,
    tokens: Values,
    score_flops: Values,
    cache_bytes: Values,
    logits: Values,
) -> StepTime:
    """Sum the operators of a pass over ``tokens``."""
    causes: dict[str, Values] = {"compute": 0.0, "weights": 0.0, "experts": 0.0, "kv": 0.0}
    weight = bytes_per_value(machine.precision)

    def add(cause: str, flops: Values, read_bytes: Values, rate: Values) -> None:
        arithmetic_s, traffic_s = flops / machine.flops_per_s, read_bytes / rate
        causes["compute"] = causes["compute"] + np.where(arithmetic_s >= traffic_s, arithmetic_s, 0.0)
        causes[cause] = causes[cause] + np.where(arithmetic_s >= traffic_s, 0.0, traffic_s)

    for group in arch.layers:
        projections = group.num_layers * attention_matrix_params(group.attention, arch.d_model)
        add("weights", 2 * tokens * projections, weight * projections, machine.bytes_per_s)
        for cause, active, read in _ffn_weights(group, arch.d_model, tokens):
            add(cause, 2 * tokens * active, weight * read, machine.bytes_per_s)
    add("kv", score_flops, cache_bytes, _cache_bytes_per_s(machine, arch))
    unembedding = arch.d_model * arch.vocab_size
    add("weights", 2 * logits * unembedding, weight * unembedding, machine.bytes_per_s)
    payload = tokens * all_reduce_bytes_per_token(arch)
    return StepTime(
        compute_s=causes["compute"],
        weight_reads_s=causes["weights"],
        expert_reads_s=causes["experts"],
        kv_reads_s=causes["kv"],
        all_reduce_s=tensor_parallel_collectives(arch) * all_reduce_s(machine.gpu, machine.tp, payload),
        launch_s=arch.num_layers * efficiency("kernel_s_per_layer"),
    )


def _ffn_weights(group: LayerGroup, d_model: Values, tokens: Values) -> list[tuple[str, Values, Values]]:
    """Per operator of the feed-forward: cause, weights a token uses, weights the batch reads."""
    params = ffn_matrix_params(group.ffn, d_model)
    active = params.pop("routed_experts_active", 0)
    layers = group.num_layers
    always = layers * sum(weights for part, weights in params.items() if part != "routed_experts")
    operators: list[tuple[str, Values, Values]] = [("weights", always, always)]
    if isinstance(group.ffn, MoE):
        distinct = expected_distinct_experts(group.ffn.num_experts, group.ffn.top_k, tokens)
        operators.append(("experts", layers * active, layers * distinct * expert_params(group.ffn, d_model)))
    return operators


def _cache_bytes_per_s(machine: Machine, arch: ArchSpec) -> Values:
    """Bandwidth at which the caches are read: that of the GPUs over which one cache spreads."""
    shards = machine.kv_shards(arch.layers[0].attention.num_kv_heads)
    return machine.bytes_per_s * shards / machine.tp
