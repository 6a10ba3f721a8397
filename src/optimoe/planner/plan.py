"""From a problem to a plan: the front door of the planner."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError, InputError
from optimoe.core.progress import counting
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.designs import evaluate
from optimoe.planner.explain.assumptions import assumptions
from optimoe.planner.explain.infeasible import explain_infeasible
from optimoe.planner.explain.reasons import reasons, warnings
from optimoe.planner.explain.scoring.score import labs_at, score
from optimoe.planner.explain.serving import served_warnings, serving_reasons
from optimoe.planner.pareto import front_members
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.data import ALL_TEXT_TOKENS
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.shapes import Shapes
from optimoe.planner.result import Alternative, LawChoice, LawView, Plan, Trace
from optimoe.planner.search.best_first import Query, left_over
from optimoe.planner.search.board import Board
from optimoe.planner.search.find import Finalist, finalist, scored_places, started
from optimoe.planner.search.looked import Looked
from optimoe.planner.search.near import near_board, remember
from optimoe.planner.search.objective import WHOLE_BUDGET, SearchGoal, equal_loss, tokens_and_objective
from optimoe.planner.search.settle import priced, settle

MOST_FAMILIES = 12
"""Families up to which each has a row of its own at the choice's loss; of more the best of each E has."""

MOST_ON_FRONT = 24
"""Designs of the front that are told, evenly spread where there are more."""

ASKED_OF_A_LAW = 8_000
"""Designs among which other laws look for theirs, and those that were priced."""

SHOWN = 150
"""Designs on which a plan without a choice looks for the limit that binds."""


def plan(
    problem: Problem, memory: PricedGrids = SHARED, *, near: bool = False, brief: bool = False, anew: bool = False
) -> Plan:
    """Choose the model to train within a budget, for a traffic, on given hardware.

    Args:
        problem: Budget, traffic, hardware, law, goal and space.
        memory: Designs that were priced before, to which those of this plan are added; one for the process unless
            given.
        near: Look only at the designs near an earlier plan of the same space and hardware, where the memory holds
            one and some of them keep all limits; at the whole space elsewhere. What labs trained, what other laws
            say and what the memory of the deployments shuts out is left out then.
        brief: Leave that out, and what stands beside the choice but the lowest loss: the other families, the best
            dense model and the front.
        anew: Search as if nothing had been asked before, with the memory's prices alone: what earlier questions
            came to know of the space may show other designs of equal worth beside the choice.

    Returns:
        The choice, what it stands against, and everything it rests on.

    Raises:
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    with counting(4) as done:  # parts of about equal length, where the whole space is looked at
        found = _found(problem, memory, near=near, anew=anew)
        done(2)
        alternatives = () if brief else _alternatives(found.board, found)
        dense = None if brief else _best_dense(found.board, found)
        done(1)
        made = _made(problem, memory, found, alternatives, dense, brief=brief)
        others = () if brief or found.board.near else _by_law(made, memory, anew=anew)
        return replace(made, by_law=others)


def _made(
    problem: Problem,
    memory: PricedGrids,
    found: "_Found",
    alternatives: tuple[Alternative, ...],
    dense: Finalist | None,
    *,
    brief: bool,
) -> Plan:
    """The plan of what a search came by, with what stands beside it and why."""
    board, choice = found.board, _candidate(found.choice)
    few = brief or board.near
    least = _candidate(found.lowest) if found.lowest else None
    looked = board.looked() if few or board.known.whole else board.looked(board.estimates())
    result = Plan(
        problem=problem,
        choice=choice,
        lowest_loss=least,
        best_dense=_candidate(dense) if dense else None,
        alternatives=alternatives,
        front=() if brief else front(board),
        scored=score(problem, choice, least, memory),
        labs=() if few else labs_at(problem, choice, memory),
        laws=() if few else law_views(problem, looked),
        reasons=(),
        warnings=(),
        assumptions=assumptions(problem),
        trace=_trace(board, found),
    )
    remember(board)
    why = reasons(result) if few else (*reasons(result), *serving_reasons(result, looked, memory))
    return replace(result, reasons=why, warnings=(*warnings(result), *served_warnings(result)))


def choose(problem: Problem, memory: PricedGrids = SHARED, *, near: bool = False) -> Candidate:
    """The choice of :func:`plan` alone, for those who ask many problems and nothing beside it.

    Raises:
        InfeasibleError: Nothing keeps all limits; says which binds and what would lift it.
        InputError: The law may rank none of the designs, or cannot tell their total sizes apart.
    """
    found = _found(problem, memory, near=near)
    remember(found.board)
    return _candidate(found.choice)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The choice, and what a search came by on the way to it.

    Attributes:
        board: What was looked at.
        lowest: The lowest loss of the whole budget; none without one.
        goal: What was minimised, as one optimisation.
        choice: The best design.
    """

    board: Board
    lowest: Finalist | None
    goal: LowestLoss | LeastCost
    choice: Finalist


def _found(problem: Problem, memory: PricedGrids, *, near: bool, anew: bool = False) -> _Found:
    board = near_board(problem, memory) if near else None
    if board is not None:
        with suppress(InfeasibleError):  # elsewhere in the space something may keep all limits
            return _found_on(board)
    return _found_on(started(problem, memory, anew=anew))


def _found_on(board: Board) -> _Found:
    problem = board.problem
    inside = scored_places(board, problem.scored)
    starts = [Finalist(index=place, pool=pool, tokens=math.nan, objective=math.nan)
              for place, pool in settle(board, np.array(sorted(inside), dtype=int)).items()]  # fmt: skip
    lowest = None
    if problem.training.bounded:
        lowest = finalist(board, Query(goal=WHOLE_BUDGET), starts).get(0)
        starts += [lowest] if lowest else []
    goal = bounded_goal(problem, board, lowest)
    choice = finalist(board, Query(goal=SearchGoal(minimised=goal)), starts).get(0)
    if choice is None:
        raise InfeasibleError(_why_not(board, goal))
    return _Found(board=board, lowest=lowest, goal=goal, choice=choice)


def bounded_goal(problem: Problem, board: Board, lowest: Finalist | None) -> LowestLoss | LeastCost:
    """The goal as one optimisation: near-best becomes least cost at a loss relative to the lowest.

    Raises:
        InfeasibleError: There is no lowest loss, because nothing keeps all limits.
    """
    goal = problem.goal
    if not isinstance(goal, NearBest):
        return goal
    if lowest is None:
        raise InfeasibleError(_why_not(board, LowestLoss()))
    return goal.beside(lowest.objective)


def _why_not(board: Board, goal: LowestLoss | LeastCost) -> str:
    """Which limit binds, by some designs of every E from the smallest to the largest."""
    if board.near:
        return "none of the designs near the earlier plan"
    shown: dict[Family, Shapes] = {}
    families = {family.num_experts: family for family in [*board.known.every][::-1]}
    for family in families.values():
        shapes = board.known.every[family]
        order = np.argsort(shapes.d_model**2 * shapes.num_layers)
        few = np.unique(np.linspace(0, len(order) - 1, max(2, SHOWN // len(families))).astype(int))
        shown[family] = shapes.where(order[few])
    return explain_infeasible(board.problem, goal, evaluate(board.problem, shown, board.memory))


def _candidate(found: Finalist) -> Candidate:
    return make_candidate(found.pool, 0, found.tokens)


def _groups(board: Board) -> Mapping[Family, int]:
    """Families that share a row at the choice's loss: each, or where there are many those of one E, or k.

    Where no law sees what layers that do not attend to everything cost, their kinds have rows of their own.
    """
    families, apart = board.listing.families, board.problem.space.near
    kinds = [family.attention if apart else "" for family in families]
    keys: list[tuple[object, ...]]
    if len(families) <= MOST_FAMILIES:
        keys = [(family,) for family in families]
    elif len({family.num_experts for family in families}) > 1:
        keys = [(family.num_experts, kind) for family, kind in zip(families, kinds, strict=True)]
    else:
        keys = [(one.top_k, one.num_shared_experts, kind) for one, kind in zip(families, kinds, strict=True)]
    order = list(dict.fromkeys(keys))
    return {family: order.index(key) for family, key in zip(families, keys, strict=True)}


def _alternatives(board: Board, found: _Found) -> tuple[Alternative, ...]:
    """The best design of each group of families at the choice's loss, or that there is none."""
    groups = _groups(board)
    loss = float(found.choice.pool.loss(np.array([found.choice.tokens]))[0])
    query = Query(goal=equal_loss(loss), group_of=np.array([*groups.values()]))
    settled = finalist(board, query, [found.choice], count=1, briefly=True)
    best = {group: one for group, one in settled.items() if one.tokens <= ALL_TEXT_TOKENS}
    rows = []
    for group in dict.fromkeys(groups.values()):
        own = [family for family, number in groups.items() if number == group]
        reason = "" if (one := best.get(group)) else _not_ranked(board, own)
        family = one.pool.family if one else own[0]
        rows.append(Alternative(family=family, candidate=_candidate(one) if one else None, not_ranked=reason))
    return tuple(sorted(rows, key=lambda row: (row.family.num_experts, row.family.top_k)))


def _not_ranked(board: Board, families: list[Family]) -> str:
    """Why the law may rank none of some families; empty where it may."""
    standing, of_family = board.judged(board.problem.law)[1], board.listing.of_family
    own = np.flatnonzero(np.isin(of_family, [board.listing.families.index(family) for family in families]))
    if standing[own].any() or not len(own):
        return ""
    return board.problem.law.judge(board.listing.at(int(own[0]), board.problem.space)).reason


def _best_dense(board: Board, found: _Found) -> Finalist | None:
    """The dense model of the lowest loss within the budget; none without one, and of a space without any."""
    dense = np.array([0 if family.dense else -1 for family in board.listing.families])
    if not (dense == 0).any() or not board.problem.training.bounded:
        return None
    goal = found.goal if isinstance(found.goal, LowestLoss) else LowestLoss()
    query = Query(goal=SearchGoal(minimised=goal), group_of=dense)
    return finalist(board, query, count=1).get(0)


def front(board: Board) -> tuple[Candidate, ...]:
    """The priced designs that no other beats in loss and serving price at once, each trained on the whole budget.

    Without a training budget there is no such front, and it is empty.
    """
    if not board.problem.training.bounded:
        return ()
    part, places = board.priced()
    looked = part.looked()
    tokens, losses = tokens_and_objective(looked, LowestLoss())
    prices = np.where(np.isfinite(losses), looked.usd_per_mtok, np.inf)
    members = np.flatnonzero(front_members(losses, prices))
    members = members[np.argsort(losses[members], kind="stable")]
    if len(members) > MOST_ON_FRONT:
        members = members[np.linspace(0, len(members) - 1, MOST_ON_FRONT).round().astype(int)]
    pools = priced(board, places[members])
    return tuple(make_candidate(pools[int(places[row])], 0, float(tokens[row])) for row in members)


def law_views(problem: Problem, looked: Looked) -> tuple[LawView, ...]:
    """What the plan's law and each verified one would train with this budget, among the designs it may rank."""
    if not problem.training.bounded:
        return ()
    every = max(1, len(looked.listing) // ASKED_OF_A_LAW)
    asked = looked.where(np.union1d(np.arange(0, len(looked.listing), every), np.flatnonzero(looked.exact)))
    views = []
    for law in usable_laws(problem.law):
        own = asked.under(law)
        ranked = np.flatnonzero(own.ranked)
        if len(ranked) and not law.blind_to([grid for grid, _ in own.listing.pieces(ranked)]):
            tokens, losses = tokens_and_objective(own, LowestLoss())
            index = int(losses.argmin())
            if math.isfinite(losses[index]):
                routed = len(np.unique(own.listing.of("num_experts")[ranked])) > 1
                views.append(_law_view(own, index, float(tokens[index]), float(losses[index]), routed))
    return tuple(views)


def _by_law(made: Plan, memory: PricedGrids, *, anew: bool) -> tuple[LawChoice, ...]:
    """The choice of a plan beside those of the laws that are asked besides; nothing where none is."""
    problem = made.problem
    if not problem.also:
        return ()
    found = [LawChoice(law=problem.law.row.name, source=problem.law.row.source, candidate=made.choice)]
    for law in problem.also:
        try:
            asked = replace(problem, law=law, also=(), scored=(), score_tokens=())
            other, reason = _candidate(_found(asked, memory, near=False, anew=anew).choice), ""
        except (InfeasibleError, InputError) as error:
            other, reason = None, str(error)
        found.append(LawChoice(law=law.row.name, source=law.row.source, candidate=other, reason=reason))
    return tuple(found)


def _law_view(looked: Looked, index: int, tokens: float, loss: float, routed: bool) -> LawView:
    law, spec = looked.problem.law, looked.at(index)
    active = count_params(spec).active
    return LawView(
        law=law.row.name,
        source=law.row.source,
        num_experts=looked.listing.families[looked.listing.of_family[index]].num_experts,
        params_active=active,
        tokens=tokens,
        tokens_per_param=tokens / active,
        loss=loss,
        routed=routed,
        assumed=bool(np.any(law.judge(spec).assumed)),
        decades_beyond={symbol: float(value) for symbol, value in law.decades_beyond(spec, tokens).items()},
    )


def _trace(board: Board, found: _Found) -> Trace:
    """How much of the space was priced, bounded away, estimated or not looked at."""
    ways, known = len(board.problem.deployments), board.known
    listed, priced_points = len(board.listing), int(board.served.sum())
    left = left_over(board, Query(goal=SearchGoal(minimised=found.goal)))
    return Trace(
        searched="near an earlier plan" if board.near else "the space",
        space=known.size,
        deployments=ways,
        listed=listed,
        whole=known.whole,
        priced_points=priced_points,
        priced_designs=int(board.served.any(axis=0).sum()),
        estimated_points=listed * ways - priced_points,
        promising=left,
        best=found.choice.objective,
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
