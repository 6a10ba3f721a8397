"""How a grid of designs is trained and served, computed once: neither depends on law, budget, demand or prices."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import content_key
from optimoe.cost.hardware.price import unknown_price, usd_per_mtok
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.sizing.layouts import cheapest_serving
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.search import training_mfu
from optimoe.planner.problem.training import GivenMfu, Training

MOST_KEPT = 256
"""Grids that a memory keeps: about ten plans of two kinds of GPUs, each with its neighbourhoods and swings."""

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
    """A memory of priced grids: a plan asked again with another law, budget, demand or price finds them here.

    An answer is kept under the content of everything that it was computed from: the numbers of the grid and the
    deployment or the run. It may be shared between threads; two that ask for the same new grid at the same time
    both compute it.

    Attributes:
        most_kept: Grids that are kept; the one that was not asked for longest leaves first.
    """

    most_kept: int = MOST_KEPT
    _answers: OrderedDict[bytes, Any] = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """Number of grids that are kept now."""
        return len(self._answers)

    def trained(self, training: Training, grid: ArchSpec) -> Trained:
        """Predict the utilisation of every design of a grid, in its best layout."""
        utilisation = training.utilisation
        params = count_params(grid)
        given = isinstance(utilisation, GivenMfu) and training.given_mfu(
            utilisation.mfu, np.asarray(params.active, dtype=float), params.router
        )
        if training.run is None:
            assert isinstance(utilisation, GivenMfu)  # a prediction has a run
            return Trained(mfu=np.asarray(given))
        run = replace(training.run, price=unknown_price())
        best = self._remembered(lambda: training_mfu(grid, run), "trained", run, grid)
        if isinstance(utilisation, GivenMfu):
            mfu = np.where(best.fits, given, np.nan)
        else:
            gpu = run.cluster.accelerator
            to_bf16 = gpu.flops_per_s(run.setup.precision) / gpu.flops_per_s("bf16")
            mfu = np.asarray(best.mfu) * to_bf16 * utilisation.scale
        return Trained(mfu=mfu, layouts=best.layouts, choice=np.asarray(best.choice))

    def served(self, deployment: Deployment, grid: ArchSpec) -> ServingEstimate:
        """Find the cheapest serving of every design of a grid, at the deployment's price."""
        unpriced = replace(deployment, price=unknown_price())
        estimate = self._remembered(lambda: cheapest_serving(grid, unpriced), "served", unpriced, grid)
        rate = np.asarray(estimate.tokens_per_s)
        usd = usd_per_mtok(deployment.cluster.num_gpus, deployment.price, np.where(rate > 0, rate, 1.0))
        return replace(estimate, usd_per_mtok=np.where(rate > 0, usd, np.inf))

    def _remembered(self, compute: Callable[[], T], *asked: Any) -> T:
        """Look up the answer to a question, or compute it and keep it."""
        key = content_key(*asked)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                before: T = self._answers[key]
                return before
        answer = compute()  # outside the lock: it takes seconds, and other grids need not wait for it
        with self._lock:
            self._answers[key] = answer
            while len(self._answers) > self.most_kept:
                self._answers.popitem(last=False)
        return answer


SHARED = PricedGrids()
"""The memory of this process, used where none is given."""
