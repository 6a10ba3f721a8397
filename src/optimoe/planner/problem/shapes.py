"""Widths and depths of designs, and which layers of a depth route."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int

from optimoe.arch.parts import UNLIMITED_WINDOW, Attention, Mixer, MoE
from optimoe.arch.spec import ArchSpec, grouped
from optimoe.core.arrays import Values

Cell = tuple[bool, bool]
"""Whether a layer routes, and whether it attends to everything."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Widths and depths, side by side: design i has ``d_model[i]`` and ``num_layers[i]``."""

    d_model: Int[np.ndarray, " designs"]
    num_layers: Int[np.ndarray, " designs"]

    def where(self, kept: np.ndarray) -> "Shapes":
        """Some of the shapes, by a mask or by indices."""
        return Shapes(d_model=self.d_model[kept], num_layers=self.num_layers[kept])

    def among(self, others: "Shapes") -> Bool[np.ndarray, " designs"]:
        """Which of the shapes are some of others too."""
        own, theirs = (each.d_model + 1j * each.num_layers for each in (self, others))
        return np.isin(own, theirs)


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


@dataclass(frozen=True, kw_only=True)
class LayerPattern:
    """Which layers of a stack route and which attend to everything. Numbers, or one for each of several designs.

    Attributes:
        routes: Whether any layer routes.
        moe_every, first_dense_layers: Layers i = f, …, L − 1 route of which i + 1 is a multiple of n.
        full_every: Layers i attend to everything of which i + 1 is a multiple of this.
    """

    routes: bool
    moe_every: Values = 1
    first_dense_layers: Values = 0
    full_every: Values = 1

    @property
    def period(self) -> Values:
        """Layers after which both patterns begin anew."""
        return np.lcm(self.moe_every, self.full_every)

    def cells(self, num_layers: int) -> list[Cell]:
        """The kind of each layer of a stack, from the input up."""
        low, every, full = self.first_dense_layers, self.moe_every, self.full_every
        return [
            (self.routes and layer >= low and (layer + 1) % every == 0, (layer + 1) % full == 0)
            for layer in range(num_layers)
        ]

    def counts(self, num_layers: Values) -> dict[Cell, Values]:
        """How many layers of each kind a stack has: the count of either pattern less that of both."""
        full: Values = num_layers // self.full_every
        routed: Values = np.zeros_like(num_layers)
        both = routed
        if self.routes:
            routed = routed_layers(num_layers, self.moe_every, self.first_dense_layers)
            both = routed_layers(num_layers, self.period, self.first_dense_layers)
        return {
            (False, False): num_layers - routed - full + both,
            (False, True): full - both,
            (True, False): routed - both,
            (True, True): both,
        }

    @property
    def kinds(self) -> tuple[Cell, ...]:
        """The kinds of layers that a deep stack has, in the order in which the last of each stands."""
        deep = self.cells(int(-(-self.first_dense_layers // self.period) + 1) * int(self.period))
        return tuple(dict.fromkeys(reversed(deep)))[::-1]


def attends_to_everything(mixer: Mixer) -> bool:
    """Whether a mixer is softmax attention without a window."""
    windowed = isinstance(mixer, Attention) and np.all(mixer.window_tokens != UNLIMITED_WINDOW)
    return not (mixer.recurrent or windowed)


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


def layers_in_order(spec: ArchSpec, pattern: LayerPattern) -> ArchSpec:
    """One design whose layers stand as they are stacked; in a grid all of a kind stand together.

    No count or price depends on the order; a ``config.json`` does.
    """
    if len(spec.layers) == 1:
        return spec
    kinds = {(isinstance(one.ffn, MoE), attends_to_everything(one.mixer)): one for one in spec.layers}
    stack = [replace(kinds[cell], num_layers=1) for cell in pattern.cells(spec.num_layers)]
    return replace(spec, layers=grouped(stack))
