"""The front door of this package: from a problem to a plan.

Every goal becomes a number of training tokens and an objective for each design, in closed form through the
law's token curve: the lowest loss spends what the budget affords, the least cost trains until the loss is
reached. Designs are enumerated coarsely, per family, and every depth around the best is tried then.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError
from optimoe.laws.base import LossLaw
from optimoe.laws.catalog import find_law, law_names
from optimoe.plan.evaluate import Candidate, Column, Pool, evaluate, make_candidate
from optimoe.plan.explain import assumptions, explain_infeasible, reasons, warnings
from optimoe.plan.pareto import front_members
from optimoe.plan.question.family import Family
from optimoe.plan.question.goal import LeastCost, LowestLoss, NearBest
from optimoe.plan.question.problem import Problem
from optimoe.plan.question.space import Shapes, united
from optimoe.plan.question.training import BUDGET_TOLERANCE
from optimoe.plan.result import Alternative, LawView, Plan, Trace

REFINED_FAMILIES = 8
"""Families whose neighbourhoods are searched, the best on the coarse grid; of the others its designs stand."""

REFINED_STARTS = 3
"""Coarse designs of each family whose neighbourhoods are searched."""


@dataclass(frozen=True, kw_only=True)
class Pick:
    """The best design of a pool under one goal."""

    pool: Pool
    index: int
    tokens: float
    objective: float


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to look for.

    Attributes:
        goal: What is minimised.
        any_training: Whatever the training costs, not within the budget.
    """

    goal: LowestLoss | LeastCost
    any_training: bool = False


def equal_loss(loss: float) -> Wish:
    """The cheapest design of a loss, whatever its training costs."""
    return Wish(goal=LeastCost(max_loss=loss * (1 + BUDGET_TOLERANCE)), any_training=True)


def plan(problem: Problem) -> Plan:
    """Choose the model to train.

    Args:
        problem: Budget, traffic, hardware, law, goal and space.

    Returns:
        The choice, what it stands against, and everything it rests on.

    Raises:
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
    """
    coarse = coarse_pools(problem)
    lowest = _best(search(problem, coarse, Wish(goal=LowestLoss()))[0]) if problem.training.bounded else None
    goal = bounded_goal(problem, coarse, lowest)
    wishes = [Wish(goal=goal)] + ([equal_loss(goal.max_loss)] if isinstance(goal, LeastCost) else [])
    picks, *equals = search(problem, coarse, *wishes)
    best = _best(picks)
    if best is None:
        raise InfeasibleError(explain_infeasible(problem, goal, coarse))
    choice = make_candidate(best.pool, best.index, best.tokens)
    equal = equals[0] if equals else search(problem, coarse, equal_loss(choice.loss))[0]
    result = Plan(
        problem=problem,
        choice=choice,
        lowest_loss=make_candidate(lowest.pool, lowest.index, lowest.tokens) if lowest else None,
        alternatives=_alternatives(coarse, equal),
        front=front(problem, coarse),
        laws=law_views(problem, coarse),
        reasons=(),
        warnings=(),
        assumptions=assumptions(problem),
        trace=_trace(problem, coarse, goal, best),
    )
    return replace(result, reasons=reasons(result), warnings=warnings(result))


Pools = Mapping[Family, Pool]


def _trace(problem: Problem, coarse: Pools, goal: LowestLoss | LeastCost, best: Pick) -> Trace:
    first = [tokens_and_objective(pool, goal)[1] for pool in coarse.values()]
    return Trace(
        space=problem.space.size,
        first=sum(len(objective) for objective in first),
        whole=problem.space.wholly_priced,
        first_best=min(float(objective.min()) for objective in first),
        best=best.objective,
    )


def coarse_pools(problem: Problem) -> dict[Family, Pool]:
    """The coarse grid of each family, or all of a small space, priced and judged."""
    return evaluate(problem, dict.fromkeys(problem.space.families(), problem.space.first()))


def bounded_goal(problem: Problem, coarse: Pools, lowest: Pick | None) -> LowestLoss | LeastCost:
    """The goal as one optimisation: near-best becomes least cost at a loss relative to the lowest.

    Raises:
        InfeasibleError: There is no lowest loss, because nothing keeps all limits.
    """
    goal = problem.goal
    if not isinstance(goal, NearBest):
        return goal
    if lowest is None:
        raise InfeasibleError(explain_infeasible(problem, LowestLoss(), coarse))
    return LeastCost(max_loss=lowest.objective * (1 + goal.loss_slack) + goal.slack_nats, count=goal.count)


def _best(picks: Mapping[Family, Pick]) -> Pick | None:
    return min(picks.values(), key=lambda pick: pick.objective, default=None)


def search(problem: Problem, coarse: Pools, *wishes: Wish) -> list[dict[Family, Pick]]:
    """For each wish the best design of each family; those for which nothing is feasible are left out.

    Neighbourhoods of all wishes are priced together.
    """
    near: dict[Family, list[Shapes]] = {}
    for wish in () if problem.space.wholly_priced else wishes:
        for family, shapes in _neighbourhoods(_asked(coarse, wish), wish.goal).items():
            near.setdefault(family, []).append(shapes)
    refined = evaluate(problem, {family: united(*parts) for family, parts in near.items()})
    return [_picks(_asked(dict(coarse) | refined, wish), wish.goal) for wish in wishes]


def _asked(pools: Pools, wish: Wish) -> dict[Family, Pool]:
    """The pools with the training budget that a wish allows."""
    if not wish.any_training:
        return dict(pools)
    return {
        family: replace(
            pool, problem=replace(pool.problem, training=pool.problem.training.unbounded(), goal=wish.goal)
        )
        for family, pool in pools.items()
    }


def _picks(pools: Pools, goal: LowestLoss | LeastCost) -> dict[Family, Pick]:
    picks = {}
    for family, pool in pools.items():
        tokens, objective = tokens_and_objective(pool, goal)
        index = int(objective.argmin())
        if math.isfinite(objective[index]):
            picks[family] = Pick(
                pool=pool, index=index, tokens=float(tokens[index]), objective=float(objective[index])
            )
    return picks


def _neighbourhoods(coarse: Pools, goal: LowestLoss | LeastCost) -> dict[Family, Shapes]:
    """Around the best designs, of the best families and of those that nothing is known about."""
    least = {family: float(tokens_and_objective(pool, goal)[1].min()) for family, pool in coarse.items()}
    ranked = sorted(least, key=lambda family: least[family])
    chosen = [family for family in ranked if math.isfinite(least[family])][:REFINED_FAMILIES]
    chosen += [family for family in ranked if math.isinf(least[family])][:REFINED_FAMILIES]
    return {family: _promising(coarse[family], goal) for family in chosen}


def tokens_and_objective(pool: Pool, goal: LowestLoss | LeastCost) -> tuple[Column, Column]:
    """Training tokens of each design under a goal, and what is minimised; infinite where not feasible."""
    affordable = pool.affordable_tokens
    if isinstance(goal, LowestLoss):
        if math.isfinite(goal.total_usd):
            affordable = np.minimum(affordable, (goal.total_usd - pool.serve_usd) / pool.usd_per_train_token)
        most = pool.problem.data.unique_tokens if not pool.problem.data.repeats else math.inf
        tokens = np.clip(affordable, 1.0, most)
        feasible = pool.possible & (affordable >= 1) & (pool.usd_per_mtok <= goal.usd_per_mtok)
        objective = pool.loss(tokens)
    else:
        tokens = pool.tokens(goal.max_loss)
        feasible = pool.possible & (tokens <= affordable * (1 + BUDGET_TOLERANCE)) & np.isfinite(tokens)
        known = np.where(np.isfinite(tokens), tokens, 0.0)
        objective = pool.serve_usd + (pool.train_usd(known) if goal.count == "total" else 0.0)
    return tokens, np.where(feasible, objective, np.inf)


def _promising(pool: Pool, goal: LowestLoss | LeastCost) -> Shapes:
    """The neighbourhoods of the best coarse designs; everything when no coarse design is feasible."""
    space = pool.problem.space
    _, objective = tokens_and_objective(pool, goal)
    if not np.isfinite(objective).any():
        return space.every()
    best = [i for i in objective.argsort(kind="stable")[:REFINED_STARTS] if math.isfinite(objective[i])]
    coarse = space.coarse()
    return united(*(space.around(int(coarse.d_model[i]), int(coarse.num_layers[i])) for i in best))


def _alternatives(coarse: Pools, picks: Mapping[Family, Pick]) -> tuple[Alternative, ...]:
    """Each family's pick, or that there is none."""
    return tuple(
        Alternative(
            family=family,
            candidate=make_candidate(pick.pool, pick.index, pick.tokens) if (pick := picks.get(family)) else None,
        )
        for family in coarse
    )


def front(problem: Problem, coarse: Pools) -> tuple[Candidate, ...]:
    """Designs trained on the whole budget that no other beats in loss and serving price at once.

    Without a training budget there is no such front, and it is empty.
    """
    if not problem.training.bounded:
        return ()
    rows: list[tuple[Pool, int, float, float, float]] = []
    for pool in coarse.values():
        tokens, loss = tokens_and_objective(pool, LowestLoss())
        rows.extend(zip([pool] * len(loss), range(len(loss)), tokens, loss, pool.usd_per_mtok, strict=True))
    losses, prices = np.array([row[3] for row in rows]), np.array([row[4] for row in rows])
    members = np.flatnonzero(front_members(losses, prices))
    chosen = sorted((rows[i] for i in members), key=lambda row: row[3])
    return tuple(make_candidate(pool, index, float(tokens)) for pool, index, tokens, _, _ in chosen)


def law_views(problem: Problem, coarse: Pools) -> tuple[LawView, ...]:
    """What each verified law would train with this budget, on the designs it can speak about.

    The problem's own law is asked about all of them.
    """
    if not problem.training.bounded:
        return ()
    views = []
    for law in usable_laws():
        pools = [
            replace(pool, problem=replace(problem, law=law), curve=law.arch_curve(pool.grid))
            for pool in coarse.values()
            if law.row == problem.law.row or not law.concerns(pool.grid)
        ]
        best = min(filter(None, (_lowest(pool) for pool in pools)), key=lambda pick: pick.objective, default=None)
        if best is not None:
            routed = any(not pool.family.dense for pool in pools)
            views.append(_law_view(law, best, routed))
    return tuple(views)


def _lowest(pool: Pool) -> Pick | None:
    tokens, loss = tokens_and_objective(pool, LowestLoss())
    index = int(loss.argmin())
    if not math.isfinite(loss[index]):
        return None
    return Pick(pool=pool, index=index, tokens=float(tokens[index]), objective=float(loss[index]))


def _law_view(law: LossLaw, pick: Pick, routed: bool) -> LawView:
    spec = pick.pool.grid.at(pick.index)
    active = count_params(spec).active
    return LawView(
        law=law.row.name,
        source=law.row.source,
        num_experts=pick.pool.family.num_experts,
        params_active=active,
        tokens=pick.tokens,
        tokens_per_param=pick.tokens / active,
        loss=pick.objective,
        routed=routed,
        decades_beyond={symbol: float(value) for symbol, value in law.decades_beyond(spec, pick.tokens).items()},
    )


def usable_laws() -> list[LossLaw]:
    """The first law of each paper whose published outputs follow from its coefficients."""
    laws = [find_law(name) for name in law_names()]
    verified = [law for law in laws if isinstance(law, LossLaw) and law.row.status == "verified"]
    papers = {law.row.source.split(",")[0]: law for law in reversed(verified)}
    return sorted(papers.values(), key=verified.index)
