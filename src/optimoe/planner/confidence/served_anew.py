"""Designs near the choice, served anew where a limit on serving moves: the rest keep what is known of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.sizing.feasibility import feasibility
from optimoe.planner.confidence.draws.contest import contest, first_places, shut_out
from optimoe.planner.confidence.draws.lineup import Lineup
from optimoe.planner.explain.serving import larger_deployments
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.data import ALL_TEXT_TOKENS
from optimoe.planner.result import Plan

REPRICED = 20
"""Designs that are served anew, in quarters: the nearest to the choice, the lowest losses, and of those that a
looser limit lets in the cheapest to train and the lowest losses. A tenth of a second for each limit."""


def nearest(result: Plan, lineup: Lineup, moved: Sequence[Deployment] = ()) -> Lineup:
    """The designs that come nearest to the choice, also of those that no deployment serves; the choice last.

    Args:
        result: The plan.
        lineup: Its designs.
        moved: Deployments with looser limits: of designs that none serves, those are taken that may run there.
    """
    last, quarter = len(lineup) - 1, REPRICED // 4
    losses = lineup.loss(np.clip(lineup.affordable_tokens, 1.0, ALL_TEXT_TOKENS))
    served = (contest(result, lineup).objective[0], np.where(lineup.possible, losses, np.inf))
    behind = shut_out(lineup, float(result.choice.loss.value))
    if moved:
        shut = np.flatnonzero(np.isfinite(behind[1]))
        runs = np.zeros(len(lineup), dtype=bool)
        runs[shut] = _may_run(lineup.where(shut), moved) if len(shut) else False
        behind = (np.where(runs, behind[0], np.inf), np.where(runs, behind[1], np.inf))
    places = [*(first_places(values, quarter) for values in (*served, *behind)), np.array([last])]
    return lineup.where(np.unique(np.concatenate(places)))


def _may_run(shut: Lineup, moved: Sequence[Deployment]) -> Bool[np.ndarray, " designs"]:
    """Whether some deployment has the memory, and some layout there each limit on its own."""
    runs = np.zeros(len(shut), dtype=bool)
    for one in moved:
        reached = [feasibility(grid, one) for grid in shut.grids]
        limits = one.limits
        runs |= np.concatenate(
            [
                np.asarray(each.fits & (each.least_tpot_s <= limits.tpot_s) & (each.least_ttft_s <= limits.ttft_s))
                for each in reached
            ]
        )
    return runs


def served_anew(near: Lineup, stated: Deployment, moved: Deployment, memory: PricedGrids) -> Lineup:
    """Designs on one deployment, moved, and on no other.

    Args:
        near: The designs.
        stated: The deployment as the problem states it.
        moved: The same with another limit.
        memory: Designs that were priced before.
    """
    served = np.zeros_like(near.tokens_per_s)
    served[near.problem.deployments.index(stated)] = _rates(near, moved, memory)
    return replace(near, tokens_per_s=served)


def served_also(result: Plan, lineup: Lineup, moved: Sequence[Deployment], memory: PricedGrids) -> Lineup:
    """The designs nearest to the choice on the deployments of a problem, as they are known, and on looser ones.

    Args:
        result: The plan.
        lineup: Its designs.
        moved: Deployments with looser limits, which stand behind the problem's own.
        memory: Designs that were priced before.
    """
    near = nearest(result, lineup, moved)
    rates = [_rates(near, one, memory) for one in moved]
    problem = replace(near.problem, deployments=(*near.problem.deployments, *moved))
    return replace(near, problem=problem, tokens_per_s=np.vstack([near.tokens_per_s, *rates]))


def _rates(near: Lineup, deployment: Deployment, memory: PricedGrids) -> np.ndarray:
    rates = [np.asarray(memory.served(deployment, grid).tokens_per_s, dtype=float) for grid in near.grids]
    return np.concatenate(rates)


def in_twice_the_box(deployments: Sequence[Deployment], kind: str) -> tuple[Deployment, ...]:
    """Twice the largest deployments of a kind of GPU, in each of its formats; none where no network joins as many.

    Args:
        deployments: Those that may serve.
        kind: The GPU.
    """
    own = [one for one in deployments if one.cluster.accelerator.name == kind]
    most = max(one.cluster.num_gpus for one in own)
    twice = [next(larger_deployments(one), None) for one in own if one.cluster.num_gpus == most]
    return tuple(one for one in twice if one is not None)
