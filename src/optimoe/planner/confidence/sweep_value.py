"""What a sweep of small runs is worth before committing to a large one: expected value of sample information."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class SweepValue:
    """What a sweep of proxies costs and is worth.

    Attributes:
        num_runs: Number of proxies.
        usd: Dollars that they cost, at the winner's utilisation.
        worth: What the better decision saves on average, in the unit of the costs.
    """

    num_runs: int
    usd: float
    worth: float


def value_of_sweep(costs: np.ndarray, seen: np.ndarray, scatter: float, seed: int = 0) -> float:
    """Mean cost of the best decision today, less that of the best decision after the sweep.

    Each draw of the law in turn is the truth: its proxies' ln L with the law's scatter are what the sweep sees,
    draws weigh by their likelihood of it, and the decision is the cheapest by that weight. Perfect knowledge is
    worth the mean regret, which this does not exceed on average but for chance of the scatter.

    Source: Raiffa and Schlaifer 1961, preposterior analysis.

    Args:
        costs: Cost of each decision in each draw, (decisions, draws).
        seen: ln L of each run in each draw, (draws, runs).
        scatter: Standard deviation of a run's ln L around the law.
        seed: Seed of the scatter.
    """
    noise = np.random.default_rng(seed).normal(0.0, scatter, seen.shape)
    distance = ((seen + noise)[:, None, :] - seen[None, :, :]) / scatter
    log_weight = -0.5 * (distance**2).sum(axis=2)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    decided = (weight @ costs.T).argmin(axis=1)
    today = int(costs.mean(axis=1).argmin())
    truth = np.arange(len(seen))
    return float((costs[today] - costs[decided, truth]).mean())
