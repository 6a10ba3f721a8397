"""Sizes of a layer that lie between its products: what norms, activations and memory count, by token."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.parts import DenseFFN
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values


@dataclass(frozen=True, kw_only=True)
class LayerSizes:
    """Values of one token in one layer of a group, before any split over GPUs; made once for all that count them.

    Attributes:
        num_layers: Layers of the group.
        d_model: Width of the residual stream, d.
        norm_values: Outputs of all norms of the layer, norms·d.
        stream_values: What the streams of the residual move beyond a single one
            (:meth:`~optimoe.arch.residual.streams.HyperConnections.moved_values`).
        mixer_columns: Columns of the mixer's matrices, its matrix parameters over d.
        dense_hidden: Hidden values of a dense feed-forward over all its matrices, m·f; 0 for any other.
    """

    num_layers: Values
    d_model: Values
    norm_values: Values
    stream_values: Values
    mixer_columns: Values
    dense_hidden: Values


def layer_sizes(arch: ArchSpec) -> tuple[LayerSizes, ...]:
    """The sizes of each group of layers, in the order of ``arch.layers``."""
    return tuple(
        LayerSizes(
            num_layers=group.num_layers,
            d_model=arch.d_model,
            norm_values=group.num_norms * arch.d_model,
            stream_values=group.streams.moved_values(arch.d_model) if group.streams else 0,
            mixer_columns=group.mixer.matrix_params(arch.d_model) / arch.d_model,
            dense_hidden=group.ffn.num_matrices * group.ffn.d_ff if isinstance(group.ffn, DenseFFN) else 0,
        )
        for group in arch.layers
    )


def deepest_stage_share(arch: ArchSpec, pp: Values) -> Values:
    """Share of the layers that the deepest of ``pp`` pipeline stages holds: ⌈layers/pp⌉/layers."""
    return np.ceil(arch.num_layers / np.asarray(pp)) / arch.num_layers
