"""Designs near the choice, served anew where a limit on serving moves: the rest keep what is known of them."""

from dataclasses import replace

import numpy as np

from optimoe.cost.serving.estimate import Deployment
from optimoe.planner.confidence.draws.contest import contest
from optimoe.planner.confidence.draws.lineup import Index, Lineup
from optimoe.planner.confidence.draws.money import as_stated
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.result import Plan

REPRICED = 18
"""Designs that are served anew: a third of them the nearest to the choice, a third of those that no deployment
serves, a third of the lowest losses. A tenth of a second for each limit and end."""

MOST_TOKENS = 1e15
"""Tokens of a training that nothing bounds: more than there are, so that a loss is near its floor."""


def nearest(result: Plan, lineup: Lineup) -> Lineup:
    """The designs that come nearest to the choice, also of those that no deployment serves; the choice last."""
    last, third = len(lineup) - 1, REPRICED // 3
    objective = contest(result, lineup).objective[0]
    losses = np.where(lineup.possible, lineup.loss(np.fmin(lineup.affordable_tokens, MOST_TOKENS)), np.inf)
    shut = ~lineup.servable & lineup.ranked & np.isfinite(lineup.mfu)
    train = np.asarray(lineup.dollars(as_stated(lineup.problem)).per_train_token)[0]
    needed = np.asarray(lineup.tokens(result.choice.loss.value))
    within = shut & (needed <= lineup.affordable_tokens)
    behind = np.where(within, train * np.where(np.isfinite(needed), needed, 0.0), np.inf)
    places = [*(_first(values, third) for values in (objective, behind, losses)), np.array([last])]
    return lineup.where(np.unique(np.concatenate(places)))


def _first(values: np.ndarray, number: int) -> Index:
    """Places of the smallest finite values."""
    order = np.argsort(values, kind="stable")[:number]
    return order[np.isfinite(values[order])]


def served_anew(near: Lineup, stated: Deployment, moved: Deployment, memory: PricedGrids) -> Lineup:
    """Designs on one deployment, moved, and on no other.

    Args:
        near: The designs.
        stated: The deployment as the problem states it.
        moved: The same with another limit.
        memory: Designs that were priced before.
    """
    rates = [np.asarray(memory.served(moved, grid).tokens_per_s, dtype=float) for grid in near.grids]
    served = np.zeros_like(near.tokens_per_s)
    served[near.problem.deployments.index(stated)] = np.concatenate(rates)
    return replace(near, tokens_per_s=served)
