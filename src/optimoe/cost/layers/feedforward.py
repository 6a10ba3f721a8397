"""The kernels of one layer's feed-forward on one GPU, with what they read.

``tokens`` are those of one attention rank; the routed experts see the tokens of all ranks that share them.
"""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from optimoe.arch.memory import bytes_per_value
from optimoe.arch.parts import PEER, DenseFFN, MoE
from optimoe.arch.traffic import expected_routed_params
from optimoe.core.arrays import Values
from optimoe.core.errors import holds, require
from optimoe.cost.kernels.curve import KernelTime, find_curve, memory_s
from optimoe.cost.kernels.experts import KINDS
from optimoe.cost.layers.machine import Machine

Operator = tuple[str, KernelTime]


@singledispatch
def feed_forward(ffn: Any, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Kernels with what they read: ``weights``, ``experts``, or experts from the ``host``."""
    raise TypeError(type(ffn).__name__)


@feed_forward.register
def _(ffn: DenseFFN, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Up and gate as one product, and down; widths split over the GPUs."""
    return _dense(machine, tokens, d_model, ffn.d_ff, ffn.num_matrices)


@feed_forward.register
def _(ffn: MoE, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """The router, the routed experts of this rank, and the shared ones; latent projections where used."""
    yield "weights", machine.plain_product(tokens, ffn.num_experts, d_model)
    layout, precision = machine.layout, machine.execution.precision
    all_tokens = tokens * layout.attention_ranks
    shape = all_tokens, ffn.num_experts, ffn.top_k, layout.ep
    spread = machine.execution.routing.spread(*shape, resident=layout.resident)
    inner, width = ffn.d_latent + (ffn.d_latent == 0) * d_model, ffn.d_expert / layout.expert_tp
    matrices = ffn.num_matrices
    carried = np.where(np.asarray(layout.attention_ranks) > 1, spread.pairs, all_tokens * ffn.top_k)
    size = spread.pairs, spread.distinct, inner, width
    layer = {"num_experts": ffn.num_experts, "top_k": ffn.top_k, "ep": layout.ep, "matrices": matrices}
    yield "experts", machine.kernels.experts(machine.gpu, precision, *size, moved_pairs=carried, **layer)
    if not holds(np.asarray(layout.resident) == 1):
        yield "host", _from_host(machine, spread.missing * matrices * inner * width)
    if np.any(ffn.num_shared_experts):
        yield from _dense(machine, tokens, d_model, ffn.num_shared_experts * ffn.d_shared, ffn.num_matrices)
    if np.any(ffn.d_latent):
        yield "weights", machine.product(tokens, ffn.d_latent, d_model)
        yield "weights", machine.product(tokens, d_model, ffn.d_latent)


@feed_forward.register
def _(ffn: PEER, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Queries and keys as products; a gather of the retrieved two-vector experts as a roofline (not measured)."""
    yield "weights", machine.plain_product(tokens, ffn.num_heads * ffn.d_key, d_model)
    yield "weights", machine.plain_product(tokens, ffn.num_heads * 2 * ffn.num_keys, ffn.d_key / 2)
    curve = find_curve("experts", KINDS[machine.execution.precision], machine.gpu)
    active = ffn.matrix_params(d_model)["routed_experts_active"]
    read = bytes_per_value(machine.execution.precision) * expected_routed_params(ffn, d_model, tokens) / machine.tp
    yield (
        "experts",
        KernelTime(
            launch_s=curve.launch_s,
            side_s=0.0,
            compute_s=2 * tokens * active / machine.tp / (machine.gpu.flops_per_s("bf16") * curve.compute_share),
            memory_s=memory_s(machine.gpu, curve, read),
            sharpness=curve.sharpness,
        ),
    )


def _from_host(machine: Machine, values: Values) -> KernelTime:
    """Weights that come over the host's link, one direction, before the experts can run."""
    num_bytes = bytes_per_value(machine.execution.precision) * values
    link = machine.gpu.host_bytes_per_s
    require(link > 0, "host_bytes_per_s", f"known for {machine.gpu.name} where experts stay on the host", link)
    return KernelTime(launch_s=0.0, side_s=0.0, compute_s=0.0, memory_s=num_bytes / link, sharpness=1)


def _dense(machine: Machine, tokens: Values, d_model: Values, width: Values, matrices: int) -> Iterator[Operator]:
    yield "weights", machine.product(tokens, (matrices - 1) * width / machine.tp, d_model)
    yield "weights", machine.product(tokens, d_model, width / machine.tp)
