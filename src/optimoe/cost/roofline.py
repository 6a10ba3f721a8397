"""Seconds of one step, prefill or decode, by what they are spent on.

The operators of the layers follow each other on every GPU of a tensor-parallel group, each on its share of
the heads and widths; their times are those of ``optimoe.cost.operators``, fitted to measured kernels:

    t = Σ_layers (projections + attention + feed-forward + 2 all-reduces) + unembedding + engine

The engine adds what no kernel table holds: seconds per step (scheduler) and per request (sampling). Sources:
``data/operators.toml``, ``data/efficiency.toml``.
Left out: overlap of communication, load imbalance of experts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from optimoe.arch.params import ffn_matrices
from optimoe.arch.routing import expected_distinct_experts
from optimoe.arch.spec import ArchSpec, Attention, DenseFFN, LayerGroup
from optimoe.arch.traffic import all_reduce_bytes_per_token, tensor_parallel_collectives
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.accelerator import Accelerator
from optimoe.cost.collectives import all_reduce_s
from optimoe.cost.operators.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.operators.curves import KernelTime
from optimoe.cost.operators.experts import experts_s
from optimoe.cost.operators.gemm import gemm_s

PLAIN_PRECISION = "bf16"
"""Engines keep the unembedding and the router in bf16 when they quantise the rest."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of a step by cause; a kernel's time goes to the side of its roofline that binds."""

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
    """A tensor-parallel group and the precisions that it works in.

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

    def kv_shards(self, num_kv_heads: Values) -> Values:
        """GPUs over which a cache spreads: no more than it has key-value heads."""
        return np.minimum(self.tp, num_kv_heads)

    def gemm(self, tokens: Values, width: Values, depth: Values) -> KernelTime:
        """One product of this GPU's share, in the precision of the weights."""
        return gemm_s(self.gpu, self.precision, tokens, width, depth)


def efficiency(name: str) -> float:
    """One value of ``efficiency.toml``."""
    return float(load_facts("optimoe.cost", "efficiency.toml")[name]["value"])


def engine_s(requests: Values) -> Values:
    """Seconds of the engine itself in one step: the scheduler, and sampling by request.

    Fitted to measured engines on top of the kernels: ``efficiency.toml``.
    """
    return efficiency("engine_step_s") + efficiency("engine_request_s") * requests


def efficiency_sources() -> tuple[Assumption, ...]:
    """The constants of the cost model, each with its basis and source."""
    kernels = load_facts("optimoe.cost", "operators.toml")
    families = ", ".join(name for name, row in kernels.items() if isinstance(row, dict))
    curves = Assumption(
        name="kernel times",
        value=f"by shape: {families}",
        basis=Basis(kernels["basis"]),
        source=kernels["source"],
    )
    return (
        curves,
        *(
            Assumption(
                name=name.replace("_", " "),
                value=str(row.get("value", "by protocol")),
                basis=Basis(row["basis"]),
                source=row["source"],
            )
            for name, row in load_facts("optimoe.cost", "efficiency.toml").items()
        ),
    )


def decode_step(machine: Machine, arch: ArchSpec, batch: Values, context: float) -> StepTime:
    """One token of each of ``batch`` requests, each with ``context`` tokens in the cache."""

    def attend(attention: Attention) -> KernelTime:
        seen = np.minimum(context, attention.window_tokens)
        heads = _heads(machine, attention)
        return decode_attention_s(machine.gpu, machine.kv_precision, batch, *heads, attention.head_dim, seen)

    return _step(machine, arch, attend, tokens=batch, requests=batch)


def prefill_step(machine: Machine, arch: ArchSpec, length: float) -> StepTime:
    """The prompt of one request: ``length`` tokens, causal, with logits of the last one only."""

    def attend(attention: Attention) -> KernelTime:
        heads = _heads(machine, attention)
        return prefill_attention_s(
            machine.gpu, 1, *heads, attention.head_dim, length, attention.window_tokens
        )

    return _step(machine, arch, attend, tokens=length, requests=1)


def _step(
    machine: Machine,
    arch: ArchSpec,
    attend: Callable[[Attention], KernelTime],
    tokens: Values,
    requests: Values,
) -> StepTime:
    """Sum the operators of a pass over ``tokens`` of ``requests``, which get one row of logits each."""
    causes: dict[str, Values] = {"compute": 0.0, "weights": 0.0, "experts": 0.0, "kv": 0.0}
    launch_s = engine_s(requests)

    def add(cause: str, kernel: KernelTime, times: Values) -> None:
        nonlocal launch_s
        body_s, bound = times * kernel.body_s, np.asarray(kernel.compute_s >= kernel.memory_s)
        causes["compute"] = causes["compute"] + np.where(bound, body_s, 0.0)
        causes[cause] = causes[cause] + np.where(bound, 0.0, body_s)
        launch_s = launch_s + times * kernel.launch_s

    for group in arch.layers:
        add("kv", attend(group.attention), group.num_layers)
        for cause, kernel in _linear(machine, group, arch.d_model, tokens):
            add(cause, kernel, group.num_layers)
        moved = _elementwise_bytes(machine, group, arch.d_model) * tokens
        causes["compute"] = causes["compute"] + group.num_layers * moved / machine.gpu.memory_bytes_per_s
    unembedding = gemm_s(machine.gpu, PLAIN_PRECISION, requests, arch.vocab_size / machine.tp, arch.d_model)
    add("weights", unembedding, 1)
    payload = tokens * all_reduce_bytes_per_token(arch)
    return StepTime(
        compute_s=causes["compute"],
        weight_reads_s=causes["weights"],
        expert_reads_s=causes["experts"],
        kv_reads_s=causes["kv"],
        all_reduce_s=tensor_parallel_collectives(arch) * all_reduce_s(machine.gpu, machine.tp, payload),
        launch_s=launch_s,
    )


def _heads(machine: Machine, attention: Attention) -> tuple[Values, Values]:
    """Query and key-value heads on one GPU; the latter are copied where there are more GPUs than heads."""
    return attention.num_heads / machine.tp, attention.num_kv_heads / machine.kv_shards(
        attention.num_kv_heads
    )


def _linear(
    machine: Machine, group: LayerGroup, d_model: Values, tokens: Values
) -> Iterator[tuple[str, KernelTime]]:
    """The matrix products of one layer, with what they read: projections, then the feed-forward."""
    attention, ffn, tp = group.attention, group.ffn, machine.tp
    heads, kv_heads = _heads(machine, attention)
    yield "weights", machine.gemm(tokens, (heads + 2 * kv_heads) * attention.head_dim, d_model)
    yield "weights", machine.gemm(tokens, d_model, heads * attention.head_dim)
    if isinstance(ffn, DenseFFN):
        yield from _dense(machine, tokens, d_model, ffn.d_ff, ffn_matrices(ffn))
        return
    yield "weights", gemm_s(machine.gpu, PLAIN_PRECISION, tokens, ffn.num_experts, d_model)
    distinct = expected_distinct_experts(ffn.num_experts, ffn.top_k, tokens)
    shape = tokens * ffn.top_k, distinct, d_model, ffn.d_expert / tp
    yield "experts", experts_s(machine.gpu, machine.precision, *shape, matrices=ffn_matrices(ffn))
    if np.any(ffn.num_shared_experts):
        yield from _dense(machine, tokens, d_model, ffn.num_shared_experts * ffn.d_shared, ffn_matrices(ffn))


def _dense(
    machine: Machine, tokens: Values, d_model: Values, width: Values, matrices: int
) -> Iterator[tuple[str, KernelTime]]:
    """Up (and gate, as one product) and down."""
    yield "weights", machine.gemm(tokens, (matrices - 1) * width / machine.tp, d_model)
    yield "weights", machine.gemm(tokens, d_model, width / machine.tp)


def _elementwise_bytes(machine: Machine, group: LayerGroup, d_model: Values) -> Values:
    """Bytes per token and layer of what lies between the products, in bf16.

    Two norms with residual read and write 8·d; the rotary embedding and the cache write 2·(h + 2·h_kv)·d_h;
    the activation of a dense feed-forward (m − 1)·f + f. That of routed experts is part of their call.
    """
    heads, kv_heads = _heads(machine, group.attention)
    values = 8 * d_model + 2 * (heads + 2 * kv_heads) * group.attention.head_dim
    if isinstance(group.ffn, DenseFFN):
        values = values + ffn_matrices(group.ffn) * group.ffn.d_ff / machine.tp
    return 2 * values
