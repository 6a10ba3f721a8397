"""From a problem to a plan: the front door of the planner."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.designs import Pool, rankable
from optimoe.planner.explain.assumptions import assumptions
from optimoe.planner.explain.infeasible import explain_infeasible
from optimoe.planner.explain.reasons import reasons, warnings
from optimoe.planner.explain.scoring.score import labs_at, score
from optimoe.planner.explain.serving import context_warnings, serving_reasons
from optimoe.planner.pareto import front_members
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Alternative, LawView, Plan, Trace
from optimoe.planner.search.objective import SearchGoal, equal_loss, tokens_and_objective
from optimoe.planner.search.pools import Best, Pools, best_of, first_pools, require_rankable, search


def plan(problem: Problem, memory: PricedGrids = SHARED) -> Plan:
    """Choose the model to train within a budget, for a traffic, on given hardware.

    Args:
        problem: Budget, traffic, hardware, law, goal and space.
        memory: Grids that were priced before, to which those of this plan are added; one for the process unless
            given.

    Returns:
        The choice, what it stands against, and everything it rests on.

    Raises:
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    found = _found(problem, memory)
    first, choice, lowest = found.first, found.choice, found.lowest
    if (equal := found.equal) is None:
        equal = search(problem, first, equal_loss(choice.loss.value), memory=memory)[0]
    least = make_candidate(lowest.pool, lowest.index, lowest.tokens) if lowest else None
    result = Plan(
        problem=problem,
        choice=choice,
        lowest_loss=least,
        alternatives=_alternatives(first, equal),
        front=front(problem, first),
        scored=score(problem, choice, least, memory),
        labs=labs_at(problem, choice, memory),
        laws=law_views(problem, first),
        reasons=(),
        warnings=(),
        assumptions=assumptions(problem),
        trace=_trace(problem, first, found.goal, found.best),
    )
    why = (*reasons(result), *serving_reasons(result, memory))
    return replace(result, reasons=why, warnings=(*warnings(result), *context_warnings(result)))


def choose(problem: Problem, memory: PricedGrids = SHARED) -> Candidate:
    """The choice of :func:`plan` alone, for those who ask many problems and nothing beside it.

    Raises:
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    return _found(problem, memory).choice


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The choice, and what a search came by on the way to it.

    Attributes:
        first: What was priced first.
        lowest: The lowest loss of the whole budget; none without one.
        goal: What was minimised, as one optimisation.
        best: The choice in its pool.
        choice: The choice with all its numbers.
        equal: The best of each family at the choice's loss, where the goal has asked for it already.
    """

    first: Pools
    lowest: Best | None
    goal: LowestLoss | LeastCost
    best: Best
    choice: Candidate
    equal: Mapping[Family, Best] | None


def _found(problem: Problem, memory: PricedGrids) -> _Found:
    first = first_pools(problem, memory)
    require_rankable(problem, first)
    look = partial(search, problem, first, memory=memory)
    lowest = best_of(look(SearchGoal(minimised=LowestLoss()))[0]) if problem.training.bounded else None
    goal = bounded_goal(problem, first, lowest)
    goals = [SearchGoal(minimised=goal)] + ([equal_loss(goal.max_loss)] if isinstance(goal, LeastCost) else [])
    by_family, *equals = look(*goals)
    best = best_of(by_family)
    if best is None:
        raise InfeasibleError(explain_infeasible(problem, goal, first))
    choice = make_candidate(best.pool, best.index, best.tokens)
    equal = equals[0] if equals else None
    return _Found(first=first, lowest=lowest, goal=goal, best=best, choice=choice, equal=equal)


def _trace(problem: Problem, first: Pools, goal: LowestLoss | LeastCost, best: Best) -> Trace:
    objectives = [tokens_and_objective(pool, goal)[1] for pool in first.values()]
    return Trace(
        space=problem.space.size,
        first=sum(len(objective) for objective in objectives),
        whole=problem.space.wholly_priced,
        first_best=min(float(objective.min()) for objective in objectives),
        best=best.objective,
    )


def bounded_goal(problem: Problem, first: Pools, lowest: Best | None) -> LowestLoss | LeastCost:
    """The goal as one optimisation: near-best becomes least cost at a loss relative to the lowest.

    Raises:
        InfeasibleError: There is no lowest loss, because nothing keeps all limits.
    """
    goal = problem.goal
    if not isinstance(goal, NearBest):
        return goal
    if lowest is None:
        raise InfeasibleError(explain_infeasible(problem, LowestLoss(), first))
    return LeastCost(max_loss=lowest.objective * (1 + goal.loss_slack) + goal.slack_nats, count=goal.count)


def _alternatives(first: Pools, best: Mapping[Family, Best]) -> tuple[Alternative, ...]:
    """The best design of each family, or that there is none."""
    return tuple(
        Alternative(
            family=family,
            candidate=make_candidate(own.pool, own.index, own.tokens) if (own := best.get(family)) else None,
            not_ranked="" if pool.ranked.any() else pool.standing.reason,
        )
        for family, pool in first.items()
    )


def front(problem: Problem, first: Pools) -> tuple[Candidate, ...]:
    """The designs that no other beats in loss and serving price at once, each trained on the whole budget.

    Without a training budget there is no such front, and it is empty.
    """
    if not problem.training.bounded:
        return ()
    rows: list[tuple[Pool, int, float, float, float]] = []
    for pool in first.values():
        tokens, loss = tokens_and_objective(pool, LowestLoss())
        rows.extend(zip([pool] * len(loss), range(len(loss)), tokens, loss, pool.usd_per_mtok, strict=True))
    losses, prices = np.array([row[3] for row in rows]), np.array([row[4] for row in rows])
    members = np.flatnonzero(front_members(losses, prices))
    chosen = sorted((rows[i] for i in members), key=lambda row: row[3])
    return tuple(make_candidate(pool, index, float(tokens)) for pool, index, tokens, _, _ in chosen)


def law_views(problem: Problem, first: Pools) -> tuple[LawView, ...]:
    """What the plan's law and each verified one would train with this budget, among the designs it may rank."""
    if not problem.training.bounded:
        return ()
    views = []
    for law in usable_laws(problem.law):
        pools = list(rankable(law, first).values())
        best = min(filter(None, (_lowest(pool) for pool in pools)), key=lambda best: best.objective, default=None)
        if best is not None:
            routed = len({pool.family.num_experts for pool in pools}) > 1
            views.append(_law_view(law, best, routed))
    return tuple(views)


def _lowest(pool: Pool) -> Best | None:
    tokens, loss = tokens_and_objective(pool, LowestLoss())
    index = int(loss.argmin())
    if not math.isfinite(loss[index]):
        return None
    return Best(pool=pool, index=index, tokens=float(tokens[index]), objective=float(loss[index]))


def _law_view(law: LossLaw, best: Best, routed: bool) -> LawView:
    spec = best.pool.grid.at(best.index)
    active = count_params(spec).active
    return LawView(
        law=law.row.name,
        source=law.row.source,
        num_experts=best.pool.family.num_experts,
        params_active=active,
        tokens=best.tokens,
        tokens_per_param=best.tokens / active,
        loss=best.objective,
        routed=routed,
        assumed=bool(np.any(law.judge(spec).assumed)),
        decades_beyond={symbol: float(value) for symbol, value in law.decades_beyond(spec, best.tokens).items()},
    )


def usable_laws(own: LossLaw) -> list[LossLaw]:
    """The laws that a plan asks: its own, and of each other paper and data set one, verified or fitted here.

    That is the first by name. A law that another names as its dense baseline is left out.
    """
    laws = [find_law(name) for name in sorted(law_names())]
    verified = [law for law in laws if isinstance(law, LossLaw) and law.row.status in ("verified", "fitted")]
    baselines = {law.row.dense_baseline for law in verified}
    asked = [own]
    for law in verified:
        counted = any(law.row.behind == other.row.behind for other in asked)
        if not counted and law.row.name not in baselines:
            asked.append(law)
    return sorted(asked, key=lambda law: law.row.name)
