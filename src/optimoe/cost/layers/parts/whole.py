"""The kernels of one whole layer that multiply with its weights: mixer, streams of the residual, feed-forwards."""

from collections.abc import Iterator

from optimoe.arch.precision.parts import LayerPrecisions
from optimoe.arch.residual.streams import PARTS, HyperConnections
from optimoe.arch.spec import LayerGroup
from optimoe.core.arrays import Values
from optimoe.cost.layers.machine import PLAIN, LayerKernel, Machine
from optimoe.cost.layers.parts.feedforward import feed_forward
from optimoe.cost.layers.parts.mixers import projections


def layer_kernels(group: LayerGroup, machine: Machine, d_model: Values, tokens: Values) -> Iterator[LayerKernel]:
    """Every kernel of a layer of a group but its mixing; each runs ``share`` times.

    Args:
        group: Layers of one kind.
        machine: The GPUs and the layout.
        d_model: Width of the residual stream.
        tokens: Tokens of one attention rank.
    """
    yield from projections(group.mixer, machine, d_model, tokens, group.precisions)
    if group.streams is not None:
        yield from stream_weights(group.streams, machine, d_model, tokens)
    for ffn in (group.ffn, group.residual):
        yield from feed_forward(ffn, machine, d_model, tokens, group.precisions) if ffn else ()


def stream_weights(
    streams: HyperConnections,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    precisions: LayerPrecisions = PLAIN,
) -> Iterator[LayerKernel]:
    """The products that turn all streams into weights, one before each part, whole on every GPU (not measured)."""
    for _ in range(PARTS):
        yield from machine.products(
            tokens, streams.num_weights, streams.num_streams * d_model, precisions, "streams"
        )
