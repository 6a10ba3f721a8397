"""The kernels of attention whose query heads are experts, on one GPU: their projections, and the mixing itself."""

from collections.abc import Iterator

from optimoe.arch.parts import RoutedHeads
from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.arch.traffic import expected_distinct_experts
from optimoe.core.arrays import Values
from optimoe.cost.kernels.calls import Roofline
from optimoe.cost.layers.machine import PLAIN, LayerKernel, Machine
from optimoe.cost.layers.parts.mixers import decode_mixing, prefill_mixing, projections


@projections.register
def head_projections(
    mixer: RoutedHeads, machine: Machine, d_model: Values, tokens: Values, precisions: LayerPrecisions = PLAIN
) -> Iterator[LayerKernel]:
    """Keys, values and router as products; queries and outputs of the experts that tokens touch as rooflines.

    All experts are split over tp by their heads; no deployment of them was measured.
    """
    kv_heads = mixer.num_kv_heads / machine.head_shards(mixer.num_kv_heads)
    yield from machine.products(tokens, 2 * kv_heads * mixer.head_dim, d_model, precisions, "attention")
    yield from machine.products(tokens, mixer.num_experts, d_model, precisions, "router")
    values = mixer.expert_params(d_model) / 2 / machine.tp
    distinct = expected_distinct_experts(mixer.num_experts, mixer.top_k, tokens)
    for _ in ("queries", "outputs"):
        experts = Roofline(
            flops=2 * tokens * mixer.top_k * values,
            num_bytes=precisions.bytes_per_value("routed_experts") * distinct * values,
            shares_of="experts",
            launch_of="experts",
        )
        yield LayerKernel(shape=experts, precision=precisions.routed_experts, reads="experts")


@decode_mixing.register
def head_decode_mixing(
    mixer: RoutedHeads, machine: Machine, d_model: Values, batch: Values, context: Values, queries: Values = 1
) -> Iterator[LayerKernel]:
    """The chosen heads over the cache, as grouped ones."""
    yield from decode_mixing(mixer.attending, machine, d_model, batch, context, queries)


@prefill_mixing.register
def head_prefill_mixing(
    mixer: RoutedHeads, machine: Machine, d_model: Values, length: Values, past: Values = 0, prompts: Values = 1
) -> Iterator[LayerKernel]:
    """The chosen heads over a prompt, as grouped ones."""
    yield from prefill_mixing(mixer.attending, machine, d_model, length, past, prompts)
