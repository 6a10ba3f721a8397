"""What a sweep of small runs is worth before committing to a large one: expected value of sample information."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

MOST_TOLD = 4
"""Directions of what a sweep sees that decisions are read from: 200 draws carry a fit of few numbers."""


@dataclass(frozen=True, kw_only=True)
class SweepValue:
    """What a sweep of proxies costs and is worth.

    Attributes:
        num_runs: Number of proxies.
        usd: Dollars that they cost, at the winner's utilisation.
        worth: What the better decision saves on average, in the unit of the costs.
        level_before: Standard deviation of ln L of the choice today, the level of its corpus included; NaN where
            the law does not know how corpora differ.
        level_after: The same with the law anchored on the sweep.
    """

    num_runs: int
    usd: float
    worth: float
    level_before: float = float("nan")
    level_after: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Bought:
    """How much surer runs of one's own have made the loss of the choice.

    Attributes:
        num_runs: Runs that the plan's law was fitted to or anchored on.
        law: The law that one would plan with without them.
        level_before: Standard deviation of ln L of the choice by that law, the level of one more corpus and what
            lies beyond its range included.
        level_after: The same by the plan's law.
    """

    num_runs: int
    law: str
    level_before: float
    level_after: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a sweep tells in each draw that is taken for the truth: its runs, along the few directions that matter.

    Attributes:
        columns: One, and for each direction its value and the square of it.
    """

    columns: Float[np.ndarray, "draws terms"]

    def expected(self, values: Float[np.ndarray, "draws asked"]) -> Float[np.ndarray, "draws asked"]:
        """What is expected of some numbers after the sweep, each draw by the regression over all others."""
        fitted, *_ = np.linalg.lstsq(self.columns, values, rcond=None)
        leverage = np.einsum("ij,ij->i", self.columns, np.linalg.pinv(self.columns).T)[:, None]
        predicted = self.columns @ fitted
        return (predicted - leverage * values) / np.maximum(1 - leverage, 1e-9)


def told(seen: Float[np.ndarray, "draws runs"], scatter: float, seed: int = 0) -> Told:
    """What the runs of a sweep tell in each draw.

    Directions are the principal ones of ln L over the draws, as far as it varies there by more than the scatter.

    Args:
        seen: ln L of each run in each draw.
        scatter: Standard deviation of a run's ln L around the law.
        seed: Of the scatter.
    """
    noise = np.random.default_rng(seed).normal(0.0, scatter, seen.shape)
    middle = seen.mean(axis=0)
    _, strength, directions = np.linalg.svd((seen - middle) / scatter, full_matrices=False)
    kept = directions[strength > np.sqrt(len(seen))][:MOST_TOLD]
    along = ((seen + noise - middle) / scatter) @ kept.T
    along = along / np.maximum(along.std(axis=0), 1e-300)
    return Told(columns=np.hstack([np.ones((len(seen), 1)), along, along**2]))


def value_of_sweep(costs: Float[np.ndarray, "decisions draws"], after: Told) -> float:
    """Mean cost of the best decision today, less that of the decision that a sweep leads to; zero at least.

    Each draw of the law in turn is the truth, its runs with the law's scatter are what the sweep sees, and the
    decision is the one whose expected cost given that, regressed over the other draws, is least. Perfect knowledge
    is worth the mean regret, which this does not exceed but by chance of the scatter.

    Source: Raiffa and Schlaifer 1961, preposterior analysis; Strong et al. 2015, Med. Decis. Making 35:570
    (expectations by regression over draws).

    Args:
        costs: Cost of each decision in each draw.
        after: What the sweep tells in each draw.
    """
    decided = after.expected(costs.T).argmin(axis=1)
    today = int(costs.mean(axis=1).argmin())
    truth = np.arange(costs.shape[1])
    return max(0.0, float((costs[today] - costs[decided, truth]).mean()))
