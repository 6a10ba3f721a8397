"""Pools of every family: a coarse grid of each, then all around the best."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimoe.core.errors import InputError
from optimoe.planner.designs import Pool, evaluate
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes, united
from optimoe.planner.search.objective import SearchGoal, tokens_and_objective

Pools = Mapping[Family, Pool]

REFINED_FAMILIES = 8
"""Families whose neighbourhoods are searched, the best on the coarse grid; of the others its designs stand."""

REFINED_STARTS = 3
"""Coarse designs of each family whose neighbourhoods are searched."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best design of a pool under one goal, with its training tokens and what is minimised."""

    pool: Pool
    index: int
    tokens: float
    objective: float


def require_rankable(problem: Problem, first: Pools) -> None:
    """Refuse a law that may rank none of the designs, or cannot tell their total sizes apart.

    Raises:
        InputError: In one line, with what the law cannot rank.
    """
    law, name = problem.law, problem.law.row.name
    ranked = [pool for pool in first.values() if pool.ranked.any()]
    if not ranked:
        why = "; ".join(dict.fromkeys(pool.standing.reason for pool in first.values()))
        raise InputError(f"law {name}: may rank none of these designs: {why}")
    blind = law.blind_to([pool.grid for pool in ranked])
    if blind:
        raise InputError(
            f"law {name}: cannot tell {blind} apart, which differ in total size: state one of them, or a law that "
            "sees it"
        )


def first_pools(problem: Problem, memory: PricedGrids = SHARED) -> dict[Family, Pool]:
    """Price and judge the coarse grid of each family, or all of a small space."""
    return evaluate(problem, problem.space.first(), memory)


def search(
    problem: Problem, first: Pools, *goals: SearchGoal, memory: PricedGrids = SHARED
) -> list[dict[Family, Best]]:
    """Find the best design of each family for each goal; families with nothing feasible are left out.

    Neighbourhoods of all goals are priced together.
    """
    near: dict[Family, list[Shapes]] = {}
    for goal in () if problem.space.wholly_priced else goals:
        for family, shapes in _neighbourhoods(asked(first, goal), goal.minimised).items():
            near.setdefault(family, []).append(shapes)
    refined = evaluate(problem, {family: united(*parts) for family, parts in near.items()}, memory)
    return [_best_by_family(asked(dict(first) | refined, goal), goal.minimised) for goal in goals]


def asked(pools: Pools, goal: SearchGoal) -> dict[Family, Pool]:
    """Put pools under the training budget that a goal allows."""
    if not goal.any_training:
        return dict(pools)
    return {
        family: replace(
            pool, problem=replace(pool.problem, training=pool.problem.training.unbounded(), goal=goal.minimised)
        )
        for family, pool in pools.items()
    }


def _best_by_family(pools: Pools, goal: LowestLoss | LeastCost) -> dict[Family, Best]:
    best = {}
    for family, pool in pools.items():
        tokens, objective = tokens_and_objective(pool, goal)
        index = int(objective.argmin())
        if math.isfinite(objective[index]):
            best[family] = Best(
                pool=pool, index=index, tokens=float(tokens[index]), objective=float(objective[index])
            )
    return best


def _neighbourhoods(first: Pools, goal: LowestLoss | LeastCost) -> dict[Family, Shapes]:
    """Around the best designs, of the best families and of those that nothing is known about."""
    known = {family: pool for family, pool in first.items() if pool.ranked.any()}
    least = {family: float(tokens_and_objective(pool, goal)[1].min()) for family, pool in known.items()}
    ranked = sorted(least, key=lambda family: least[family])
    chosen = [family for family in ranked if math.isfinite(least[family])][:REFINED_FAMILIES]
    chosen += [family for family in ranked if math.isinf(least[family])][:REFINED_FAMILIES]
    return {family: _promising(first[family], goal) for family in chosen}


def _promising(pool: Pool, goal: LowestLoss | LeastCost) -> Shapes:
    """The neighbourhoods of the best coarse designs; everything when no coarse design is feasible."""
    space = pool.problem.space
    _, objective = tokens_and_objective(pool, goal)
    if not np.isfinite(objective).any():
        return space.of(pool.family, space.every())
    best = [i for i in objective.argsort(kind="stable")[:REFINED_STARTS] if math.isfinite(objective[i])]
    coarse = pool.shapes
    near = (space.around(int(coarse.d_model[i]), int(coarse.num_layers[i])) for i in best)
    return space.of(pool.family, united(*near))


def best_of(by_family: Mapping[Family, Best]) -> Best | None:
    """The best design of the best family; None where no family has a feasible one."""
    return min(by_family.values(), key=lambda best: best.objective, default=None)
