"""The kernels of one layer's feed-forward on one GPU of a group, with what they read."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

import numpy as np

from optimoe.arch.memory import bytes_per_value
from optimoe.arch.params import ffn_matrices, ffn_matrix_params
from optimoe.arch.parts import PEER, DenseFFN, MoE
from optimoe.arch.traffic import expected_distinct_experts, expected_routed_params
from optimoe.core.arrays import Values
from optimoe.cost.operators.curves import KernelTime, find_curve, memory_s
from optimoe.cost.operators.experts import KINDS
from optimoe.cost.operators.machine import Machine

Operator = tuple[str, KernelTime]


@singledispatch
def feed_forward(ffn: Any, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Kernels with what they read: ``weights`` or ``experts``."""
    raise TypeError(type(ffn).__name__)


@feed_forward.register
def _(ffn: DenseFFN, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Up and gate as one product, and down; widths split over the GPUs."""
    return _dense(machine, tokens, d_model, ffn.d_ff, ffn_matrices(ffn))


@feed_forward.register
def _(ffn: MoE, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """The router, the routed experts, each split by width, and the shared ones; latent projections where used."""
    yield "weights", machine.plain_product(tokens, ffn.num_experts, d_model)
    distinct = expected_distinct_experts(ffn.num_experts, ffn.top_k, tokens)
    inner = ffn.d_latent + (ffn.d_latent == 0) * d_model
    shape = tokens * ffn.top_k, distinct, inner, ffn.d_expert / machine.tp
    layer = {"num_experts": ffn.num_experts, "top_k": ffn.top_k, "matrices": ffn_matrices(ffn)}
    yield "experts", machine.kernels.experts(machine.gpu, machine.precision, *shape, **layer)
    if np.any(ffn.num_shared_experts):
        yield from _dense(machine, tokens, d_model, ffn.num_shared_experts * ffn.d_shared, ffn_matrices(ffn))
    if np.any(ffn.d_latent):
        yield "weights", machine.product(tokens, ffn.d_latent, d_model)
        yield "weights", machine.product(tokens, d_model, ffn.d_latent)


@feed_forward.register
def _(ffn: PEER, machine: Machine, d_model: Values, tokens: Values) -> Iterator[Operator]:
    """Queries and keys as products; a gather of the retrieved two-vector experts as a roofline (not measured)."""
    yield "weights", machine.plain_product(tokens, ffn.num_heads * ffn.d_key, d_model)
    yield "weights", machine.plain_product(tokens, ffn.num_heads * 2 * ffn.num_keys, ffn.d_key / 2)
    curve = find_curve("experts", KINDS[machine.precision], machine.gpu.architecture)
    active = ffn_matrix_params(ffn, d_model)["routed_experts_active"]
    read = bytes_per_value(machine.precision) * expected_routed_params(ffn, d_model, tokens) / machine.tp
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


def _dense(machine: Machine, tokens: Values, d_model: Values, width: Values, matrices: int) -> Iterator[Operator]:
    yield "weights", machine.product(tokens, (matrices - 1) * width / machine.tp, d_model)
    yield "weights", machine.product(tokens, d_model, width / machine.tp)
