"""Draws of what a plan takes from the market: prices of GPU hours, and demand."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from optimoe.core.provenance import Basis
from optimoe.cost.hardware.price import GpuPrice
from optimoe.planner.problem.problem import Problem

PerDraw = Float[np.ndarray, "draws 1"]

DEMAND = (0.5, 2.0)
"""Demand may be half or twice what was stated (assumed: nobody knows a model's traffic before it is released)."""

PRICE = (0.7, 1.4)
"""A list price may so much differ where one provider alone states it, or more where several do (assumed)."""

LEVELS = 9
"""Levels of demand: whole deployments are counted once for each, not once for each draw."""


@dataclass(frozen=True, kw_only=True)
class MoneyDraws:
    """Prices and demand, one row a draw; even in logarithms within their ranges, independent of each other.

    Attributes:
        train: Factor on the price of training.
        serve: Factor on the price of each deployment, by row; deployments of one GPU share theirs.
        level: Which of ``demands`` each draw has.
        demands: Factors on the traffic.
        words: What was drawn, with its range.
    """

    train: PerDraw
    serve: Float[np.ndarray, "draws deployments"]
    level: Int[np.ndarray, " draws"]
    demands: tuple[float, ...]
    words: tuple[str, ...]

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.level)

    def first(self, draws: int) -> "MoneyDraws":
        """The first of the draws."""
        return replace(self, train=self.train[:draws], serve=self.serve[:draws], level=self.level[:draws])


def price_range(price: GpuPrice) -> tuple[float, float]:
    """Factors on a price: its providers' range, and :data:`PRICE` at least; 1 where the user stated it."""
    if price.basis is not Basis.PUBLISHED or not price.usd_per_gpu_hour > 0:
        return 1.0, 1.0
    low, high = (end / price.usd_per_gpu_hour for end in (price.low, price.high))
    return min(low, PRICE[0]), max(high, PRICE[1])


def as_stated(problem: Problem) -> MoneyDraws:
    """One draw: prices and demand as they were stated."""
    return MoneyDraws(
        train=np.ones((1, 1)),
        serve=np.ones((1, len(problem.deployments))),
        level=np.zeros(1, dtype=int),
        demands=(1.0,),
        words=(),
    )


def money_draws(problem: Problem, draws: int, seed: int = 0) -> MoneyDraws:
    """Draw the prices of all GPUs of a problem, and its demand."""
    training = problem.training
    prices = {training.accelerator.name: training.price}
    prices |= {one.cluster.accelerator.name: one.price for one in problem.deployments}
    factors, words = {}, []
    for name, price in prices.items():
        low, high = price_range(price)
        factors[name] = _even(low, high, draws, [seed, *name.encode()])
        if low < high:
            words.append(f"{name} ${low * price.usd_per_gpu_hour:.2f} – ${high * price.usd_per_gpu_hour:.2f}")
    demands: tuple[float, ...] = (1.0,)
    level = np.zeros(draws, dtype=int)
    if problem.lifetime_tokens:
        demands = tuple(float(one) for one in np.geomspace(*DEMAND, LEVELS))
        level = np.random.default_rng([seed, *b"demand"]).integers(0, LEVELS, draws)
        words.append(f"demand × {DEMAND[0]:g} – {DEMAND[1]:g} (assumed)")
    served = [factors[one.cluster.accelerator.name] for one in problem.deployments]
    return MoneyDraws(
        train=factors[training.accelerator.name],
        serve=np.hstack(served),
        level=level,
        demands=demands,
        words=tuple(words),
    )


def _even(low: float, high: float, draws: int, seed: Iterable[int]) -> PerDraw:
    """Even in logarithms between two ends."""
    return np.exp(np.random.default_rng(list(seed)).uniform(np.log(low), np.log(high), (draws, 1)))
