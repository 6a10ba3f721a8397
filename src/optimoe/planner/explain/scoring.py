"""Models of one's own beside the designs of a plan, priced and judged by the same code."""

import math

from optimoe.arch.spec import ArchSpec
from optimoe.planner.candidate import Candidate, make_candidate
from optimoe.planner.designs import Pool, given_pool
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Scored
from optimoe.planner.search.objective import SearchGoal, equal_loss, tokens_and_objective
from optimoe.planner.search.pools import asked


def score(problem: Problem, choice: Candidate, memory: PricedGrids = SHARED) -> tuple[Scored, ...]:
    """Every model that the problem names, at the loss of the choice and on the whole budget."""
    return tuple(_scored(problem, spec, choice, memory) for spec in problem.scored)


def _scored(problem: Problem, spec: ArchSpec, choice: Candidate, memory: PricedGrids) -> Scored:
    pool = given_pool(problem, spec, memory)
    blind = problem.law.blind_to([spec, choice.spec])
    why = pool.standing.reason if not pool.ranked.any() else f"cannot tell {blind} apart" if blind else ""
    equal = None if why else _best(pool, spec, equal_loss(choice.loss.value))
    bounded = problem.training.bounded and not why
    whole = _best(pool, spec, SearchGoal(minimised=LowestLoss())) if bounded else None
    return Scored(
        spec=spec,
        family=pool.family,
        candidate=equal,
        in_budget=whole,
        not_ranked=why,
        concerns=() if why else pool.standing.concerns,
    )


def _best(pool: Pool, spec: ArchSpec, goal: SearchGoal) -> Candidate | None:
    """The model under a goal; None where it is not feasible."""
    own = asked({pool.family: pool}, goal)[pool.family]
    tokens, objective = tokens_and_objective(own, goal.minimised)
    return make_candidate(own, 0, float(tokens[0]), spec) if math.isfinite(objective[0]) else None
