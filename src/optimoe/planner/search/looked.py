"""Designs side by side with their loss, and their training and serving as far as they were priced."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from optimoe.arch.spec import ArchSpec
from optimoe.core.grid import take
from optimoe.core.units import TOKENS_PER_MTOK
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.planner.designs import Column, Columns, curve_of
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.search.listing import Index, Listing
from optimoe.planner.search.objective import SearchGoal

Rates = Float[np.ndarray, "deployments designs"]


@dataclass(frozen=True, kw_only=True)
class Looked(Columns):
    """Every design that a search looked at: losses exact, utilisation and prices exact or estimated.

    Attributes:
        listing: The designs.
        standing: Whether the law may rank each of them.
        utilisation: Of each design in training, predicted or estimated; NaN where no layout trains it.
        trained: Whether it was predicted in every usual layout.
        tokens_per_s: Output tokens per second of each deployment with each design, at the largest batch within
            the limits, searched or estimated; 0 where it does not serve.
        served: Whether they were searched in every likely layout.
    """

    listing: Listing
    standing: Bool[np.ndarray, " designs"]
    utilisation: Column
    trained: Bool[np.ndarray, " designs"]
    tokens_per_s: Rates
    served: Bool[np.ndarray, "deployments designs"]

    def __repr__(self) -> str:
        """How many designs, and of how many the dollars are exact, in one line."""
        return f"Looked({len(self.listing):,} designs, {self.exact.sum():,} of exact dollars)"

    @property
    def mfu(self) -> Column:
        """Utilisation in training, of 6ND over the bf16 peak; NaN where no layout trains a design."""
        return self.utilisation

    @property
    def ranked(self) -> Bool[np.ndarray, " designs"]:
        """Whether the law may rank a design, for each design."""
        return self.standing

    @cached_property
    def fleet_usd(self) -> Rates:
        """Dollars of serving over the life by each deployment; infinite where it does not keep the limits."""
        gpus, usd = self._gpus[:, None], self._usd_per_gpu_hour[:, None]
        traffic = self.problem.traffic
        return np.asarray(traffic.usd(tokens_per_s=self.tokens_per_s, num_gpus=gpus, usd_per_gpu_hour=usd))

    @cached_property
    def serve_usd(self) -> Column:
        """Dollars of serving over the model's life; infinite where no deployment keeps the limits."""
        return self._of_cheapest(self.problem.traffic)

    @cached_property
    def usd_per_mtok(self) -> Column:
        """Dollars per million output tokens of the cheapest deployment; infinite where none keeps the limits."""
        return self._of_cheapest(Traffic(lifetime_tokens=TOKENS_PER_MTOK))

    @cached_property
    def cheapest(self) -> Index:
        """Which deployment carries the traffic for the fewest dollars, for each design.

        Without a rate dollars go by those of a token: GPUs · price ÷ tokens per second.
        """
        if self.problem.traffic.rated:
            return np.asarray(self.fleet_usd.argmin(axis=0))
        per_s = self._gpus * np.maximum(self._usd_per_gpu_hour, 1e-12)  # of owned ones beside others
        return np.asarray((self.tokens_per_s / per_s[:, None]).argmax(axis=0))

    @cached_property
    def exact(self) -> Bool[np.ndarray, " designs"]:
        """Whether a design's utilisation and its cheapest deployment are none of them estimated."""
        return self.trained & np.take_along_axis(self.served, self.cheapest[None], axis=0)[0]

    @property
    def _gpus(self) -> Int[np.ndarray, " deployments"]:
        return np.array([one.cluster.num_gpus for one in self.problem.deployments])

    @property
    def _usd_per_gpu_hour(self) -> Float[np.ndarray, " deployments"]:
        return np.array([self.problem.hour_usd(one.price) for one in self.problem.deployments])

    def _of_cheapest(self, traffic: Traffic) -> Column:
        """Dollars of a traffic on the cheapest deployment of each design."""
        usd = traffic.usd(
            tokens_per_s=np.take_along_axis(self.tokens_per_s, self.cheapest[None], axis=0)[0],
            num_gpus=self._gpus[self.cheapest],
            usd_per_gpu_hour=self._usd_per_gpu_hour[self.cheapest],
        )
        return np.asarray(usd)

    def under_goal(self, goal: SearchGoal) -> "Looked":
        """The designs under the training budget that a goal allows, served as before."""
        moved = replace(self, problem=goal.of(self.problem))
        for name in ("serve_usd", "cheapest", "exact"):  # neither depends on the budget
            moved.__dict__[name] = getattr(self, name)
        return moved

    def at(self, index: int) -> ArchSpec:
        """One design, with its layers as its family stacks them."""
        return self.listing.at(index, self.problem.space)

    def where(self, designs: Index) -> "Looked":
        """Some of the designs, in their order."""
        order = np.sort(designs)
        return replace(
            self,
            listing=self.listing.where(order),
            params_active=self.params_active[order],
            params_router=self.params_router[order],
            curve=take(self.curve, order),
            standing=self.standing[order],
            utilisation=self.utilisation[order],
            trained=self.trained[order],
            tokens_per_s=self.tokens_per_s[:, order],
            served=self.served[:, order],
        )

    def under(self, law: LossLaw) -> "Looked":
        """Put the designs under another law, which may not rank all of them."""
        curve, standing = judged_by(law, self.listing)
        return replace(self, problem=replace(self.problem, law=law), curve=curve, standing=standing)


def judged_by(law: LossLaw, listing: Listing) -> tuple[TokenCurve, Bool[np.ndarray, " designs"]]:
    """The loss curve of each design under a law, and whether the law may rank it."""
    curve = listing.column(lambda grid: curve_of(law, grid, ()))
    return curve, listing.column(lambda grid: np.asarray(law.judge(grid).applicable))


def unpriced(problem: Problem, listing: Listing) -> Looked:
    """Designs of which the losses are known and nothing is priced: NaN stands for what is not known."""
    curve, standing = judged_by(problem.law, listing)
    size, ways = len(listing), len(problem.deployments)
    return Looked(
        problem=problem,
        params_active=listing.params_active,
        params_router=listing.params_router,
        curve=curve,
        listing=listing,
        standing=standing,
        utilisation=np.full(size, np.nan),
        trained=np.zeros(size, dtype=bool),
        tokens_per_s=np.full((ways, size), np.nan),
        served=np.zeros((ways, size), dtype=bool),
    )
