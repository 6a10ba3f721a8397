"""Which designs a search looks at: a coarse but complete list of shapes for each family, and what lies around."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from optimoe.arch.memory import kv_bytes, kv_bytes_per_token, weight_bytes
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import broadcast, concatenated, take
from optimoe.cost.layers.execution import Execution
from optimoe.cost.serving.estimate import Deployment
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.problem.space import Space

T = TypeVar("T")

Index = Int[np.ndarray, "..."]

MOST_LISTED = 60_000
"""Designs of a coarse list: their losses take a few tenths of a second."""

DEPTHS = (5, 4, 3, 2)
"""Depths of each width on the coarse list, as many as keep it short: price and loss are smooth between them."""

FEW_POINTS = 3_000
"""Designs × deployments up to which a space is priced whole, which takes no longer than a search."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Designs of all families side by side, whatever the law, the budget and the hardware.

    Attributes:
        families: The families.
        of_family: Which of them each design is of.
        shapes: Width and depth of each design.
        builds, grids: Designs of one build each, all dense, routed or mixed, with one kind of attention: they can
            be priced in one call.
        kind: Which of the grids each design is in.
        row: Which of its designs it is.
    """

    families: tuple[Family, ...]
    of_family: Index
    shapes: Shapes
    builds: tuple[Hashable, ...]
    grids: tuple[ArchSpec, ...]
    kind: Index
    row: Index

    def __len__(self) -> int:
        """Number of designs."""
        return len(self.of_family)

    def __repr__(self) -> str:
        """How many designs of how many families, in one line."""
        return f"Listing({len(self):,} designs of {len(self.families):,} families)"

    @cached_property
    def params_active(self) -> Float[np.ndarray, " designs"]:
        """Active parameters of each design, both embeddings included."""
        return self.column(lambda grid: np.asarray(count_params(grid).active, dtype=float))

    @cached_property
    def params_total(self) -> Float[np.ndarray, " designs"]:
        """Stored parameters of each design."""
        return self.column(lambda grid: np.asarray(count_params(grid).total, dtype=float))

    @cached_property
    def params_router(self) -> Float[np.ndarray, " designs"]:
        """Parameters of the routers of each design."""
        return self.column(lambda grid: np.asarray(count_params(grid).router, dtype=float))

    @cached_property
    def cache_bytes(self) -> Float[np.ndarray, " designs"]:
        """Bytes of cache for each token, in bf16."""
        return self.column(lambda grid: np.asarray(kv_bytes_per_token(grid), dtype=float))

    def held_bytes(self, tokens: float) -> Float[np.ndarray, " designs"]:
        """Bytes of cache and states of a sequence of so many tokens, in bf16: a window holds its width."""
        return self.column(lambda grid: np.asarray(kv_bytes(grid, tokens), dtype=float))

    def of(self, name: str) -> Float[np.ndarray, " designs"]:
        """A number of the families, once for each of their designs."""
        return np.array([getattr(family, name) for family in self.families], dtype=float)[self.of_family]

    def column(self, of: Callable[[ArchSpec], T]) -> T:
        """What a function of a grid says of each design, be it a number or a thing made of numbers."""
        pieces = list(self.pieces(np.arange(len(self))))
        whole = concatenated([broadcast(of(grid), (len(own),)) for grid, own in pieces])
        return take(whole, np.argsort(np.concatenate([own for _, own in pieces]), kind="stable"))

    def pieces(self, designs: Index) -> Iterator[tuple[ArchSpec, Index]]:
        """Some of the designs as grids, each with the places of its members."""
        kinds = self.kind[designs]
        for kind in np.unique(kinds).tolist():
            own = designs[kinds == kind]
            yield take(self.grids[kind], self.row[own]), own

    def at(self, index: int, space: Space) -> ArchSpec:
        """One design, with its layers as its family stacks them."""
        (piece, _), *_ = self.pieces(np.array([index]))
        return space.stacked(self.families[self.of_family[index]], piece.at(0))

    def where(self, designs: Index) -> "Listing":
        """Some of the designs, in their order."""
        order = np.sort(designs)
        return self._with_counts(
            replace(
                self,
                of_family=self.of_family[order],
                shapes=self.shapes.where(order),
                kind=self.kind[order],
                row=self.row[order],
            ),
            lambda values, _: values[order],
        )

    def with_more(self, other: "Listing") -> "Listing":
        """Put other designs behind these, which keep their places."""
        families = tuple(dict.fromkeys(self.families + other.families))
        place = {family: number for number, family in enumerate(families)}
        moved = np.array([place[family] for family in other.families], dtype=int)
        grids, kind, row = dict(zip(self.builds, self.grids, strict=True)), other.kind.copy(), other.row.copy()
        for number, (build, grid) in enumerate(zip(other.builds, other.grids, strict=True)):
            behind = build in grids
            row[other.kind == number] += len(grids[build].d_model) if behind else 0  # type: ignore[arg-type]
            grids[build] = concatenated([grids[build], grid]) if behind else grid
            kind[other.kind == number] = list(grids).index(build)
        longer = Listing(
            families=families,
            of_family=np.concatenate([self.of_family, moved[other.of_family]]),
            shapes=concatenated([self.shapes, other.shapes]),
            builds=tuple(grids),
            grids=tuple(grids.values()),
            kind=np.concatenate([self.kind, kind]),
            row=np.concatenate([self.row, row]),
        )
        return self._with_counts(longer, lambda values, name: np.concatenate([values, getattr(other, name)]))

    def _with_counts(self, made: "Listing", change: Callable[[np.ndarray, str], np.ndarray]) -> "Listing":
        """Hand on what was counted of these designs, so that nothing is counted twice."""
        for name in ("params_active", "params_total", "params_router", "cache_bytes"):
            if name in self.__dict__:
                made.__dict__[name] = change(self.__dict__[name], name)
        return made


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What designs take in memory, whatever the limits.

    Attributes:
        weights: Bytes of the weights, by how they are executed.
        held: Bytes of the cache of a sequence, by its length.
    """

    weights: Mapping[Execution, Float[np.ndarray, " designs"]]
    held: Mapping[float, Float[np.ndarray, " designs"]]


def loads(listing: Listing, deployments: tuple[Deployment, ...]) -> Loads:
    """What all designs take in memory on any of the deployments."""
    weights = {
        one.engine.execution: listing.column(
            lambda grid, one=one: np.asarray(weight_bytes(one.serves(grid)).total, dtype=float)  # type: ignore[misc]
        )
        for one in {one.engine.execution: one for one in deployments}.values()
    }
    contexts = {length for one in deployments for length in (one.workload.full_context, one.workload.mean_context)}
    return Loads(weights=weights, held={length: listing.held_bytes(length) for length in contexts})


def listed(space: Space, members: Mapping[Family, Shapes]) -> Listing:
    """Put designs of several families side by side, those of one kind in one grid."""
    kinds: dict[Hashable, dict[Family, Shapes]] = {}
    for family, shapes in members.items():
        kinds.setdefault(family.build, {})[family] = shapes
    families = tuple(family for own in kinds.values() for family in own)
    ordered = [shapes for own in kinds.values() for shapes in own.values()]
    counts = [len(shapes.d_model) for shapes in ordered]
    grids = tuple(space.designs(own) for own in kinds.values())
    sizes = [len(grid.d_model) for grid in grids]  # type: ignore[arg-type]
    return Listing(
        families=families,
        of_family=np.repeat(np.arange(len(families)), counts),
        shapes=concatenated(ordered),
        builds=tuple(kinds),
        grids=grids,
        kind=np.repeat(np.arange(len(grids)), sizes),
        row=np.concatenate([np.arange(size) for size in sizes]),
    )


def priced_whole(space: Space, size: int, deployments: int) -> bool:
    """Whether every design of a space is priced, so that the best is the best of the space."""
    return space.exhaustive or space.constant_total or size * deployments <= FEW_POINTS


def coarse(every: Mapping[Family, Shapes]) -> dict[Family, Shapes]:
    """List a few depths of each width of a family, the shallowest and the deepest too; all of a small space."""
    if sum(len(shapes.d_model) for shapes in every.values()) <= MOST_LISTED // 4:
        return dict(every)
    chosen: dict[Family, Shapes] = {}
    for depths in DEPTHS:
        kept: dict[bytes, np.ndarray] = {}
        for family, shapes in every.items():
            key = shapes.d_model.tobytes() + shapes.num_layers.tobytes()  # most families have the same shapes
            if key not in kept:
                kept[key] = _thinned(shapes, depths)
            chosen[family] = shapes.where(kept[key])
        if sum(len(shapes.d_model) for shapes in chosen.values()) <= MOST_LISTED:
            break
    return chosen


def _thinned(shapes: Shapes, depths: int) -> Index:
    """Places of so many depths of each width, evenly spaced from the shallowest to the deepest."""
    rows = []
    for width in np.unique(shapes.d_model):
        own = np.flatnonzero(shapes.d_model == width)
        own = own[np.argsort(shapes.num_layers[own], kind="stable")]
        rows.append(own[np.unique(np.linspace(0, len(own) - 1, depths).round().astype(int))])
    return np.concatenate(rows) if rows else np.zeros(0, dtype=int)


def around(every: Shapes, d_model: int, num_layers: int) -> Shapes:
    """The shapes around one: its width and the next ones, with every depth within a half."""
    widths = np.unique(every.d_model)
    place = int(np.searchsorted(widths, d_model))
    near = np.isin(every.d_model, widths[max(0, place - 1) : place + 2])
    aspect = every.num_layers / num_layers
    return every.where(near & (aspect > 2 / 3) & (aspect < 3 / 2))
