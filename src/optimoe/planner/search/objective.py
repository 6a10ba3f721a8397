"""What is minimised: every goal becomes training tokens and an objective for each design, in closed form.

The lowest loss spends what the budget affords, the least cost trains until the loss is reached.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from optimoe.core.arrays import Values
from optimoe.planner.designs import Column, Columns
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import BUDGET_TOLERANCE


@dataclass(frozen=True, kw_only=True)
class SearchGoal:
    """What one search looks for.

    Attributes:
        minimised: The loss or the dollars, with their limits.
        any_training: Whether the training may cost more than the budget.
    """

    minimised: LowestLoss | LeastCost
    any_training: bool = False

    def of(self, problem: Problem) -> Problem:
        """The problem under the training budget that the goal allows."""
        if not self.any_training:
            return problem
        return replace(problem, training=problem.training.unbounded(), goal=self.minimised)


WHOLE_BUDGET = SearchGoal(minimised=LowestLoss())
"""The lowest loss that the whole budget reaches, whatever it costs to serve."""


def equal_loss(loss: float) -> SearchGoal:
    """The goal of the cheapest design at a loss, whatever its training costs."""
    return SearchGoal(minimised=LeastCost(max_loss=loss * (1 + BUDGET_TOLERANCE)), any_training=True)


@dataclass(frozen=True, kw_only=True)
class Dollars:
    """What designs are billed at: their own prices, or others that they are judged by.

    Attributes:
        serve: Of serving over the model's life; infinite where no deployment keeps the limits.
        per_train_token: Of training on one token.
        per_mtok: Per million output tokens.
    """

    serve: Values
    per_train_token: Values
    per_mtok: Values


TIE = 1e-9
"""Weight of training where serving alone counts: of equal serving dollars, which whole deployments often have, the
least training is taken."""


def dollars_of(pool: Columns, goal: LowestLoss | LeastCost | None = None) -> Dollars:
    """The dollars of each design at the prices and the traffic of its problem, those that a goal asks for."""
    per_mtok = goal is None or (isinstance(goal, LowestLoss) and math.isfinite(goal.usd_per_mtok))
    return Dollars(
        serve=pool.serve_usd,
        per_train_token=pool.usd_per_train_token,
        per_mtok=np.asarray(pool.usd_per_mtok) if per_mtok else np.zeros_like(pool.params_active),
    )


def tokens_and_objective(pool: Columns, goal: LowestLoss | LeastCost) -> tuple[Column, Column]:
    """Training tokens of each design under a goal, and what is minimised; infinite where not feasible."""
    return judged(pool, goal, dollars_of(pool, goal))


def judged(pool: Columns, goal: LowestLoss | LeastCost, dollars: Dollars) -> tuple[Values, Values]:
    """:func:`tokens_and_objective` at given dollars.

    The pool's curve, the goal's loss and the dollars may hold a row for each of many draws.
    """
    affordable = pool.affordable_tokens
    if isinstance(goal, LowestLoss):
        if np.all(np.isfinite(goal.total_usd)):
            affordable = np.minimum(affordable, _tokens_for(goal.total_usd - dollars.serve, dollars))
        most = pool.problem.data.unique_tokens if not pool.problem.data.repeats else math.inf
        tokens = np.clip(affordable, 1.0, most)
        feasible = pool.possible & (affordable >= 1) & (dollars.per_mtok <= goal.usd_per_mtok)
        objective = pool.loss(tokens)
    else:
        tokens = pool.tokens(goal.max_loss)
        feasible = pool.possible & (tokens <= affordable * (1 + BUDGET_TOLERANCE)) & np.isfinite(tokens)
        known = np.where(np.isfinite(tokens), tokens, 0.0)
        counted = 1.0 if goal.count == "total" else TIE
        objective = dollars.serve + counted * dollars.per_train_token * known
    return tokens, np.where(feasible, objective, np.inf)


def _tokens_for(usd: Values, dollars: Dollars) -> Values:
    """Training tokens that so many dollars buy: of owned GPUs any number, but for a debt none."""
    per_token = np.asarray(dollars.per_train_token)
    bought = usd / np.where(per_token == 0, 1.0, per_token)
    return np.where(per_token == 0, np.where(np.asarray(usd) >= 0, np.inf, 0.0), bought)
