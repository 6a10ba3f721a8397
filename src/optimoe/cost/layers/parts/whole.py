"""The kernels of one whole layer that multiply with its weights: mixer, streams of the residual, feed-forwards."""

from collections.abc import Iterator

from optimoe.arch.parts import Streams
from optimoe.arch.precision.parts import LayerPrecisions
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
    for ffn in group.feed_forwards:
        yield from feed_forward(ffn, machine, d_model, tokens, group.precisions)


def stream_weights(
    streams: Streams,
    machine: Machine,
    d_model: Values,
    tokens: Values,
    precisions: LayerPrecisions = PLAIN,
) -> Iterator[LayerKernel]:
    """The products that turn streams into weights, whole on every GPU (not measured)."""
    for width, depth in streams.products(d_model):
        yield from machine.products(tokens, width, depth, precisions, "streams")
