"""How designs are trained and served, computed once: neither depends on law, budget, demand or prices."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.core.grid import concatenated, content_key, map_arrays, map_numbers, row_keys, take
from optimoe.cost.hardware.price import unknown_price, usd_per_mtok
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.sizing.candidates import every_split
from optimoe.cost.sizing.layouts import cheapest_of_sizes, cheapest_serving
from optimoe.cost.training.estimate import TrainEstimate, TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.search import best_training, training_mfu, usual_train_layouts
from optimoe.cost.training.setup import OPTIMIZER_BYTES, WEIGHT_BYTES
from optimoe.cost.training.tried.candidates import batch_top
from optimoe.cost.training.tried.lines import StepLines, lines_for, step_lines
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import GivenMfu

MOST_KEPT = 200_000
"""Designs × deployments that a memory keeps: about 100 MB, some thirty plans of the usual space."""

MOST_SHEETS = 2_000
"""Kinds of designs on a deployment or in a run that a memory keeps: those of some twenty plans, or of some hundred
limits that were dragged through."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How each design of a grid is trained.

    Attributes:
        mfu: 6ND over the time at the bf16 peak; NaN where no layout fits in memory.
        layouts: The layouts that were tried; None where the cluster is not known.
        choice: Index of the best layout of each design, −1 where none fits; None with the layouts.
    """

    mfu: Float[np.ndarray, " designs"]
    layouts: TrainLayout | None = None
    choice: Int[np.ndarray, " designs"] | None = None

    def __repr__(self) -> str:
        """How many designs some layout trains, in one line."""
        fits = np.isfinite(self.mfu)
        best = f", MFU up to {self.mfu[fits].max():.3f}" if fits.any() else ""
        return f"Trained({fits.sum():,} of {len(self.mfu):,} designs{best})"

    def at(self, which: slice) -> "Trained":
        """Take some of the designs; the layouts are the same for all."""
        return replace(self, mfu=self.mfu[which], choice=None if self.choice is None else self.choice[which])

    def layout(self, index: int) -> TrainLayout | None:
        """The best layout of one design that some layout trains."""
        if self.layouts is None or self.choice is None:
            return None
        return self.layouts.at(int(self.choice[index]))


@dataclass(frozen=True, kw_only=True)
class PricedGrids:
    """A memory of priced designs: a plan asked again with another law, budget, demand or price finds them here.

    The answer for a design is kept under the content of everything that it was computed from: the numbers of the
    design and the deployment or the run. It may be shared between threads; two that ask for the same new design
    at the same time both compute it.

    Attributes:
        most_kept: Answers that are kept, one for each design and deployment; the kind of design, in the deployment
            or the run, that was not asked for longest leaves first.
    """

    most_kept: int = MOST_KEPT
    _sheets: OrderedDict[bytes, dict[bytes, tuple[Any, int]]] = field(
        default_factory=OrderedDict, init=False, repr=False, compare=False
    )
    _things: dict[str, OrderedDict[bytes, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Number of answers that are kept now."""
        return sum(map(len, self._sheets.values()))

    def trained(self, problem: Problem, grid: ArchSpec, usual: TrainRun | None = None) -> Trained:
        """Predict the utilisation of every design of a grid, in the best of its space's usual layouts.

        Args:
            problem: The question.
            grid: The designs.
            usual: The run whose usual layouts are tried, where it is not the question's own.
        """
        training, space = problem.training, problem.space
        utilisation = training.utilisation
        params = count_params(grid)
        given = isinstance(utilisation, GivenMfu) and training.given_mfu(
            utilisation.mfu, np.asarray(params.active, dtype=float), params.router
        )
        if training.run is None:
            assert isinstance(utilisation, GivenMfu)  # a prediction has a run
            return Trained(mfu=np.asarray(given))
        run = replace(training.run, price=unknown_price())
        routed = grid.moe is not None
        asked = replace(usual, price=unknown_price()) if usual else run
        layouts = self.kept(lambda: usual_layouts(space, asked, routed=routed), "layouts", space, asked, routed)

        def steps(part: ArchSpec) -> _Steps:
            if usual is None:
                return _steps(part, run, layouts)
            top = at_any_batch(run)  # a question near a plan may move the batch, and not the designs
            lines = self._remembered(
                lambda new: step_lines(new.over(1), top, layouts), part, "lines", top, layouts
            )
            return _steps(part, run, layouts, lines)

        best = self._remembered(steps, grid, "trained", run, layouts)
        if isinstance(utilisation, GivenMfu):
            mfu = np.where(best.fits, given, np.nan)
        else:
            mfu = np.asarray(best.mfu) * peak_over_bf16(run) * utilisation.scale
        return Trained(mfu=mfu, layouts=layouts, choice=np.asarray(best.choice))

    def served(self, deployment: Deployment, grid: ArchSpec) -> ServingEstimate:
        """Find the cheapest serving of every design of a grid over all layouts, at the deployment's price.

        That of ``optimoe cost``, to the bit.
        """
        unpriced = replace(deployment, price=unknown_price())
        estimate = self._remembered(
            lambda part: cheapest_serving(part, unpriced, every_split(part, unpriced)), grid, "served", unpriced
        )
        return at_price(estimate, deployment)

    def serve_ahead(self, deployments: Sequence[Deployment], grid: ArchSpec) -> None:
        """Price designs where :meth:`served` will ask for them, deployments that differ in size alone at once."""
        alike: dict[bytes, list[Deployment]] = {}
        for one in deployments if len(deployments) > 1 else ():
            unpriced = replace(one, price=unknown_price())
            apart = content_key(replace(unpriced, cluster=replace(one.cluster, num_gpus=1)))
            alike.setdefault(apart, []).append(unpriced)
        skeleton, keys = row_keys(grid)
        for own in alike.values():
            sheets = [content_key(skeleton, "served", one) for one in own]
            with self._lock:
                known = [self._sheets.get(sheet, {}) for sheet in sheets]
                missing = list(
                    {key: row for row, key in enumerate(keys) if any(key not in one for one in known)}.values()
                )
            if len(own) > 1 and missing:
                part = take(grid, np.array(missing))
                for sheet, answer in zip(sheets, cheapest_of_sizes(part, own, every_split), strict=True):
                    self._keep(sheet, {keys[row]: (answer, place) for place, row in enumerate(missing)})

    def settled_training(self, problem: Problem, spec: ArchSpec) -> Trained:
        """The utilisation of one model in the best of all layouts: that of ``optimoe cost train``."""
        training = problem.training
        if training.run is None:
            return self.trained(problem, in_a_row(spec))
        run = replace(training.run, price=unknown_price())
        plain = replace(spec, name="")
        best = self.kept(lambda: self._best_training(plain, run), "settled", plain, run)
        if best is None:
            return Trained(mfu=np.array([np.nan]))
        if isinstance(training.utilisation, GivenMfu):
            params = count_params(spec)
            mfu = training.given_mfu(training.utilisation.mfu, float(params.active), params.router)
        else:
            mfu = best.mfu() * peak_over_bf16(run) * training.utilisation.scale
        return Trained(mfu=np.array([float(mfu)]), layouts=in_a_row(best.layout), choice=np.array([0]))

    def _best_training(self, spec: ArchSpec, run: TrainRun) -> TrainEstimate | None:
        """The best layout of one model, of those that were timed for another batch where they were."""
        top = at_any_batch(run)
        try:
            return best_training(spec, run, known=self.kept(lambda: lines_for(spec, top), "lines", spec, top))
        except InfeasibleError:
            return None

    def kept(self, make: Callable[[], T], kind: str, *asked: Any) -> T:
        """Look up what was made of a question before, or make it and keep it: so many of a kind."""
        found: list[T] = self.before(kind, *asked)
        if not found:
            found = [make()]
            self.renew(found[0], kind, *asked)
        return found[0]

    def before(self, kind: str, *asked: Any) -> list[Any]:
        """What was made of a question before, alone in a list; nothing in it where nothing was, or is kept."""
        key = content_key(*asked)
        with self._lock:
            things = self._things.get(kind, OrderedDict())
            if key not in things:
                return []
            things.move_to_end(key)
            return [things[key]]

    def renew(self, made: object, kind: str, *asked: Any) -> None:
        """Keep this as what was made of a question, in place of what was kept before."""
        key, most = content_key(*asked), MOST_THINGS.get(kind, MOST_OF_A_KIND)
        with self._lock:
            things = self._things.setdefault(kind, OrderedDict())
            things[key] = made
            things.move_to_end(key)
            while len(things) > most:
                things.popitem(last=False)

    def _remembered(self, compute: Callable[[ArchSpec], T], grid: ArchSpec, *asked: Any) -> T:
        """Look up the answer for each design of a grid, or compute those that are missing and keep them."""
        skeleton, keys = row_keys(grid)
        sheet = content_key(skeleton, *asked)
        with self._lock:
            known = self._sheets.get(sheet, {})
            found = [known.get(key) for key in keys]
        missing = list({key: row for row, key in enumerate(keys) if found[row] is None}.values())
        if missing:  # outside the lock: it takes seconds, and other designs need not wait for it
            answer = compute(grid if len(missing) == len(keys) else take(grid, np.array(missing)))
            new = {keys[row]: (answer, place) for place, row in enumerate(missing)}
            found = [new[key] if before is None else before for key, before in zip(keys, found, strict=True)]
            self._keep(sheet, new)
        with self._lock:
            if sheet in self._sheets:
                self._sheets.move_to_end(sheet)
        return gathered([row for row in found if row is not None])

    def _keep(self, sheet: bytes, new: dict[bytes, tuple[Any, int]]) -> None:
        with self._lock:
            self._sheets.setdefault(sheet, {}).update(new)
            self._sheets.move_to_end(sheet)
            while len(self._sheets) > MOST_SHEETS or (len(self) > self.most_kept and len(self._sheets) > 1):
                self._sheets.popitem(last=False)


MOST_THINGS, MOST_OF_A_KIND = {"board": 4, "earlier": 4, "lines": 64}, 512
"""Boards, timed models and settled runs that a memory keeps beside the answers: a board of the usual space takes
some 40 MB, all layouts of a model up to one."""


def in_a_row(value: T) -> T:
    """One thing as a grid of one: every number an array."""
    return map_numbers(value, lambda number: np.atleast_1d(np.asarray(number)))


def peak_over_bf16(run: TrainRun) -> float:
    """The peak of a run's products over that of bf16: its utilisation is at most this."""
    gpu = run.cluster.accelerator
    return gpu.flops_per_s(run.setup.precision) / gpu.flops_per_s("bf16")


def at_any_batch(run: TrainRun) -> TrainRun:
    """The run by which designs are timed for batches up to its own, which is the next power of two."""
    return replace(run, batch_tokens=batch_top(run) * run.seq_len, batch_source="")


@dataclass(frozen=True, kw_only=True)
class _Steps:
    """The best layout of each design of a grid, as rows."""

    mfu: Float[np.ndarray, " designs"]
    choice: Int[np.ndarray, " designs"]
    fits: Bool[np.ndarray, " designs"]


def _steps(grid: ArchSpec, run: TrainRun, layouts: TrainLayout, lines: StepLines | None = None) -> _Steps:
    best = training_mfu(grid, run, layouts, lines=lines)
    return _Steps(mfu=np.asarray(best.mfu), choice=np.asarray(best.choice), fits=np.asarray(best.fits))


FAMILIES, SIZES = 12, (0.02, 0.1, 0.3, 0.5, 0.65, 0.8)
"""Families whose layouts are looked at, evenly spread over the space, and how much of what the cluster's memory
holds their designs take: closer where it gets tight, for what no kept layout trains is not found (assumed)."""


def usual_layouts(space: Space, run: TrainRun, *, routed: bool) -> TrainLayout:
    """The layouts for the routed designs of a space, or for its dense ones, on the cluster of a run."""
    families = [family for family in space.families() if family.dense != routed]
    places = np.unique(np.linspace(0, len(families) - 1, FAMILIES).round().astype(int))
    bytes_per_param = WEIGHT_BYTES + run.setup.gradient_bytes + OPTIMIZER_BYTES
    shapes, room = space.every(), run.cluster.num_gpus * run.cluster.accelerator.memory_bytes / bytes_per_param
    designs: list[ArchSpec] = []
    for place in places.tolist():
        own = space.of(families[place], shapes)
        if len(own.d_model):
            totals = np.asarray(count_params(space.designs({families[place]: own})).total)
            near = [int(np.abs(np.log(totals / (share * room))).argmin()) for share in SIZES]
            designs.append(space.designs({families[place]: own.where(np.unique(near))}))
    return usual_train_layouts(designs, run)


def at_price(estimate: ServingEstimate, deployment: Deployment) -> ServingEstimate:
    """An estimate of a grid of designs at the price of a deployment, infinite where nothing serves."""
    rate = np.asarray(estimate.tokens_per_s)
    usd = usd_per_mtok(deployment.cluster.num_gpus, deployment.price, np.where(rate > 0, rate, 1.0))
    return replace(estimate, usd_per_mtok=np.where(rate > 0, usd, np.inf))


def gathered(rows: Sequence[tuple[T, int]]) -> T:
    """Put answers together that are rows of grids of one structure."""
    answers, starts, places = list({id(answer): answer for answer, _ in rows}.values()), dict[int, int](), 0
    for answer in answers:
        starts[id(answer)], places = places, places + _length(answer)
    whole = answers[0] if len(answers) == 1 else concatenated(answers)
    return take(whole, np.array([starts[id(answer)] + place for answer, place in rows]))


def _length(answer: Any) -> int:
    """How many rows an answer has."""
    lengths: list[int] = []

    def seen(values: np.ndarray) -> np.ndarray:
        lengths.append(len(values))
        return values

    map_arrays(answer, seen)
    return lengths[0]


SHARED = PricedGrids()
"""The memory of this process, used where none is given."""
