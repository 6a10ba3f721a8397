"""The contending set: designs that the draws do not tell from the choice, and what tells these apart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from optimoe.planner.confidence.draws.contest import TIE, Contest
from optimoe.planner.confidence.draws.lineup import PerDesign
from optimoe.planner.problem.family import Family

LOW_END = 0.05
"""Low end of an interval of 90 %."""

RESOLUTION = 0.01
"""Dollars nearer than this are not told apart: batches are searched to 1 %."""

SETTLED = 1.25
"""A size is settled where the contending designs differ by less than this factor (assumed: a step of width)."""

TRAITS = (
    ("num_experts", "E"),
    ("top_k", "k"),
    ("num_shared_experts", "shared experts"),
    ("active_ffn_ratio", "active FFN width over d_model"),
    ("ffn_ratio", "expert width over d_model"),
    ("attention", "attention"),
    ("num_kv_heads", "kv heads"),
    ("first_dense_layers", "first dense layers"),
    ("moe_every", "MoE every n-th layer"),
)
"""Fields of a family that designs may differ in, and their names in words; those it lacks are left out."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing that designs of the space differ in.

    Attributes:
        name: Such as ``E`` or ``active parameters``.
        values: What contending designs have, smallest first, but for what less than one in twenty has; of a size
            the ends of the middle nine in ten. The choice has one of them, or lies between.
        space: What all designs of the space have, likewise.
        ranged: Whether it is a size, of which ``values`` are the ends.
    """

    name: str
    values: tuple[float | str, ...]
    space: tuple[float | str, ...]
    ranged: bool = False

    @property
    def settled(self) -> bool:
        """Whether contending designs agree in what others of the space do not."""
        if not self.ranged:
            return len(self.values) == 1
        low, high = (float(end) for end in self.values)
        return high <= low * SETTLED


@dataclass(frozen=True, kw_only=True)
class Contending:
    """Designs whose interval overlaps the choice's.

    The interval is that of what a design costs over the choice in the same draw of law, prices and demand, 90 %
    over the draws, every law that may rank the choice counted alike: what is common to both cancels, and the
    choice's own is a point. It overlaps where its low end is not above zero, or within the 1 % to which dollars
    are searched: in a draw of twenty the design is as good.

    Attributes:
        designs: How many there are, the choice among them.
        of: How many designs were compared, feasible or not.
        draws: Number of draws.
        axes: What they differ in, and what is settled among them.
    """

    designs: int
    of: int
    draws: int
    axes: tuple[Axis, ...]

    @property
    def share(self) -> float:
        """Their share of the designs that were compared."""
        return self.designs / self.of

    @property
    def open(self) -> tuple[Axis, ...]:
        """What the contending designs differ in."""
        return tuple(axis for axis in self.axes if not axis.settled)

    @property
    def settled(self) -> tuple[Axis, ...]:
        """What they agree in."""
        return tuple(axis for axis in self.axes if axis.settled)


def contending(contests: Sequence[Contest], of: int, tokens: PerDesign) -> Contending:
    """The contending set of designs under draws.

    Args:
        contests: The same designs in every draw of each law, the plan's own first.
        of: How many designs there were before those that come near in no draw were left out.
        tokens: Training tokens of each design under the goal.
    """
    members = np.flatnonzero(overlapping(contests))
    axes = tuple(_axes(contests, members, tokens))
    return Contending(designs=len(members), of=of, draws=contests[0].draws, axes=axes)


def overlapping(contests: Sequence[Contest]) -> Bool[np.ndarray, " designs"]:
    """Whether the interval of each design overlaps the choice's, laws counted alike."""
    near = TIE if contests[0].by_loss else RESOLUTION
    shares = np.array([(contested.apart <= near).mean(axis=0) for contested in contests])
    return shares.mean(axis=0) >= LOW_END * (1 - TIE)


def _axes(contests: Sequence[Contest], members: Int[np.ndarray, " members"], tokens: PerDesign) -> Iterator[Axis]:
    """What designs that are feasible in some draw differ in, beside the same of some of them.

    Where some have layers that do not attend to everything, kinds of attention are left out: no draw moves what
    those cost in loss, which is equal by assumption, so that none can settle it.
    """
    lineup = contests[0].lineup
    feasible = np.any([np.isfinite(contested.objective).any(axis=0) for contested in contests], axis=0)
    families = tuple(set(lineup.families))
    own = [lineup.families[int(place)] for place in members]
    for field, name in TRAITS:
        space = _values([one for one in families if field == "num_experts" or not one.dense], field)
        if len(space) > 1 and not (field == "attention" and any(one.full_every > 1 for one in families)):
            routed = [one for one in own if field == "num_experts" or not one.dense]
            if values := _values(routed, field, LOW_END):
                chosen = {value for value in _values(own[-1:], field) if value in space}
                yield Axis(name=name, values=tuple(sorted({*values, *chosen})), space=space)
    sizes = {
        "active parameters": lineup.params_active,
        "parameters": lineup.params_total,
        "tokens": tokens,
        "tokens per active parameter": tokens / lineup.params_active,
    }
    for name, column in sizes.items():
        possible, here = np.sort(column[feasible]), np.sort(column[members])
        space, (low, high) = (float(possible[0]), float(possible[-1])), _middle(here)
        ends = (min(low, float(column[-1])), max(high, float(column[-1])))
        yield Axis(name=name, values=ends, space=space, ranged=True)


def _middle(ordered: PerDesign) -> tuple[float, float]:
    """Ends of the middle nine in ten, both of them among the numbers."""
    left_out = int(LOW_END * len(ordered))
    return float(ordered[left_out]), float(ordered[len(ordered) - 1 - left_out])


def _values(families: Sequence[Family], field: str, least: float = 0.0) -> tuple[float | str, ...]:
    """What so large a share of some families have in one field at least, smallest first."""
    found = Counter(getattr(one, field) for one in families if hasattr(one, field))
    return tuple(sorted(value for value, count in found.items() if count >= least * found.total()))
