"""Widths and depths of designs, and which layers of a depth route."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec, LayerGroup, grouped
from optimoe.core.arrays import Values


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Widths and depths, side by side: design i has ``d_model[i]`` and ``num_layers[i]``."""

    d_model: Int[np.ndarray, " designs"]
    num_layers: Int[np.ndarray, " designs"]

    def where(self, kept: np.ndarray) -> "Shapes":
        """Some of the shapes, by a mask or by indices."""
        return Shapes(d_model=self.d_model[kept], num_layers=self.num_layers[kept])


def united(*parts: Shapes) -> Shapes:
    """Put several lists of shapes together, each shape once."""
    pairs = np.concatenate([np.stack([shapes.d_model, shapes.num_layers], axis=1) for shapes in parts])
    unique = np.unique(pairs, axis=0)
    return Shapes(d_model=unique[:, 0], num_layers=unique[:, 1])


def routed_layers(num_layers: Values, moe_every: Values, first_dense_layers: Values) -> Values:
    """How many layers route: those i = f, …, L − 1 of which i + 1 is a multiple of n.

    ⌊L/n⌋ − ⌊min(f, L)/n⌋, L layers counted from 0, every n-th routed, the first f dense.
    """
    return num_layers // moe_every - np.minimum(first_dense_layers, num_layers) // moe_every


def pattern_of(routes: Sequence[bool]) -> tuple[int, int]:
    """N and f of a stack of layers: the smallest n with which :func:`routed_layers` counts these ones.

    Where no n does, every n-th by their number. (1, 0) of a dense model.
    """
    if not any(routes):
        return 1, 0
    lowest = routes.index(True)
    for every in range(1, len(routes) + 1):
        first = lowest - lowest % every
        if [layer >= first and (layer + 1) % every == 0 for layer in range(len(routes))] == list(routes):
            return every, first
    return max(1, round(len(routes) / sum(routes))), 0


def layers_in_order(spec: ArchSpec, moe_every: int, first_dense_layers: int) -> ArchSpec:
    """One design whose layers stand as they are stacked; in a grid they stand dense ones first.

    No count or price depends on the order; a ``config.json`` does.
    """
    routed = [group for group in spec.layers if isinstance(group.ffn, MoE)]
    dense = [group for group in spec.layers if not isinstance(group.ffn, MoE)]
    if len(routed) != 1 or len(dense) != 1:
        return spec
    (experts,), (plain,) = routed, dense
    stack: list[LayerGroup] = [
        replace(experts if layer >= first_dense_layers and (layer + 1) % moe_every == 0 else plain, num_layers=1)
        for layer in range(spec.num_layers)
    ]
    return replace(spec, layers=grouped(stack))
