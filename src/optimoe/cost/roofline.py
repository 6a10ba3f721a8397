"""Seconds of one step, prefill or decode, by what they are spent on.

The kernels of the layers follow each other on every GPU of a tensor-parallel group, each on its share of the
heads and widths; their times are those of ``optimoe.cost.operators``, fitted to measured kernels:

    t = Σ_layers (projections + mixing + feed-forward + 2 all-reduces) + unembedding + engine

The engine adds what no kernel table holds: seconds per step (scheduler) and per request (sampling). Sources:
``data/operators.toml``, ``data/efficiency.toml``. Left out: overlap of communication, load imbalance of experts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from optimoe.arch.params import ffn_matrices, mixer_matrix_params
from optimoe.arch.parts import DenseFFN, Mixer
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.arch.traffic import all_reduce_bytes_per_token, tensor_parallel_collectives
from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.provenance import Assumption, Basis
from optimoe.cost.collectives import all_reduce_s
from optimoe.cost.operators.curves import KernelTime
from optimoe.cost.operators.feedforward import feed_forward
from optimoe.cost.operators.machine import Machine
from optimoe.cost.operators.mixers import decode_mixing, prefill_mixing, projections

__all__ = (
    "Machine",
    "StepTime",
    "decode_step",
    "efficiency",
    "efficiency_sources",
    "engine_s",
    "prefill_step",
)

Mix = Callable[[Mixer], Iterator[KernelTime]]


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
    families = ", ".join(name.replace("_", " ") for name, row in kernels.items() if isinstance(row, dict))
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

    def mix(mixer: Mixer) -> Iterator[KernelTime]:
        return decode_mixing(mixer, machine, arch.d_model, batch, context)

    return _step(machine, arch, mix, tokens=batch, requests=batch)


def prefill_step(machine: Machine, arch: ArchSpec, length: float) -> StepTime:
    """The prompt of one request: ``length`` tokens, causal, with logits of the last one only."""

    def mix(mixer: Mixer) -> Iterator[KernelTime]:
        return prefill_mixing(mixer, machine, arch.d_model, length)

    return _step(machine, arch, mix, tokens=length, requests=1)


def _step(machine: Machine, arch: ArchSpec, mix: Mix, tokens: Values, requests: Values) -> StepTime:
    """Sum the kernels of a pass over ``tokens`` of ``requests``, which get one row of logits each."""
    causes: dict[str, Values] = {"compute": 0.0, "weights": 0.0, "experts": 0.0, "kv": 0.0}
    launch_s = engine_s(requests)
    for times, cause, kernel in _kernels(machine, arch, mix, tokens, requests):
        body_s, bound = times * kernel.body_s, np.asarray(kernel.compute_s >= kernel.memory_s)
        causes["compute"] = causes["compute"] + np.where(bound, body_s, 0.0)
        causes[cause] = causes[cause] + np.where(bound, 0.0, body_s)
        launch_s = launch_s + times * kernel.launch_s
    moved = sum(group.num_layers * _elementwise_bytes(machine, group, arch.d_model) for group in arch.layers)
    payload = tokens * all_reduce_bytes_per_token(arch)
    return StepTime(
        compute_s=causes["compute"] + tokens * moved / machine.gpu.memory_bytes_per_s,
        weight_reads_s=causes["weights"],
        expert_reads_s=causes["experts"],
        kv_reads_s=causes["kv"],
        all_reduce_s=tensor_parallel_collectives(arch) * all_reduce_s(machine.gpu, machine.tp, payload),
        launch_s=launch_s,
    )


def _kernels(
    machine: Machine, arch: ArchSpec, mix: Mix, tokens: Values, requests: Values
) -> Iterator[tuple[Values, str, KernelTime]]:
    """Every kernel of a pass: how often it runs, what it reads, how long one run takes."""
    for group in arch.layers:
        for kernel in projections(group.mixer, machine, arch.d_model, tokens):
            yield group.num_layers, "weights", kernel
        for kernel in mix(group.mixer):
            yield group.num_layers, "kv", kernel
        for ffn in (group.ffn, group.residual):
            for cause, kernel in feed_forward(ffn, machine, arch.d_model, tokens) if ffn else ():
                yield group.num_layers, cause, kernel
    yield 1, "weights", machine.plain_product(requests, arch.vocab_size / machine.tp, arch.d_model)


def _elementwise_bytes(machine: Machine, group: LayerGroup, d_model: Values) -> Values:
    """Bytes per token and layer of what lies between the products, in bf16.

    Each norm with its residual reads and writes 4·d; the mixer's inputs and outputs as many values as it has
    matrix columns; the activation of a dense feed-forward m·f. That of routed experts is part of their call.
    """
    values = 4 * group.num_norms * d_model + mixer_matrix_params(group.mixer, d_model) / d_model / machine.tp
    if isinstance(group.ffn, DenseFFN):
        values = values + ffn_matrices(group.ffn) * group.ffn.d_ff / machine.tp
    return 2 * values
