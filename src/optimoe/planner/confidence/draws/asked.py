"""What a plan's doubts are asked of: its designs, draws of its law, draws of prices and demand."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimoe.core.errors import InputError
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.confidence.draws.contest import Contest, contest, near_choice, under_draws
from optimoe.planner.confidence.draws.law import LawDraws, certain, draws_of, draws_or_certain
from optimoe.planner.confidence.draws.lineup import Lineup, lineup_of
from optimoe.planner.confidence.draws.money import MoneyDraws, money_draws
from optimoe.planner.confidence.draws.rivals import rivals
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.result import Plan
from optimoe.planner.search.find import look

RIVAL_DRAWS = 20
"""Draws of each other law: shares of numbers of experts, and no tails."""


@dataclass(frozen=True, kw_only=True)
class DrawnPlan:
    """The designs of a plan and the draws that they are compared under.

    Attributes:
        result: The plan.
        lineup: The designs that come near in some draw, the choice last.
        of: How many a search looked at, the plan's own answers among them.
        law: Draws of the law; in each the law itself where they cannot be made.
        unknown: Why they cannot; empty where they can.
        money: Draws of prices and demand.
        rivals: Laws of other papers and data that may rank the choice and others beside it.
    """

    result: Plan
    lineup: Lineup
    of: int
    law: LawDraws
    unknown: str
    money: MoneyDraws
    rivals: tuple[LossLaw, ...]

    @cached_property
    def drawn(self) -> Lineup:
        """The designs under every draw of the law."""
        return under_draws(self.result, self.lineup, self.law)

    def by_law(self) -> Contest:
        """Designs under draws of the law, prices and demand as stated."""
        return contest(self.result, self.drawn)

    def by_money(self) -> Contest:
        """Designs under draws of prices and demand, the law as it is."""
        return contest(self.result, self.lineup, self.money)

    def by_all(self) -> Contest:
        """Designs under draws of the law, of prices and of demand."""
        return contest(self.result, self.drawn, self.money)

    @cached_property
    def under_rivals(self) -> tuple[tuple[LawDraws, Lineup], ...]:
        """The draws of each other law, with the designs under them; the law itself where it cannot be drawn."""
        drawn = [draws_or_certain(law, min(RIVAL_DRAWS, self.law.draws)) for law in self.rivals]
        return tuple((law, under_draws(self.result, self.lineup.under(law.law), law)) for law in drawn)

    def by_rivals(self, *, with_money: bool) -> tuple[Contest, ...]:
        """Designs under draws of each other law, prices and demand as stated or drawn too."""
        return tuple(
            contest(self.result, there, self.money.first(law.draws) if with_money else None)
            for law, there in self.under_rivals
        )


def ask(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> DrawnPlan:
    """Put the designs that a plan looked at side by side, and draw what is not known about them."""
    problem = result.problem
    try:
        law, unknown = draws_of(problem.law, draws), ""
    except InputError as error:
        law, unknown = certain(problem.law, draws), str(error)
    stated = [item.candidate for item in result.alternatives if item.family != result.choice.family]
    given = [one for one in (*stated, result.lowest_loss) if one is not None]
    lineup = lineup_of(look(problem, memory), [*given, result.choice])
    money = money_draws(problem, draws)
    others = dict(rivals(result, lineup))
    near = np.unique(np.concatenate([near_choice(result, lineup, law, money), *others.values()]))
    return DrawnPlan(
        result=result,
        lineup=lineup.where(near),
        of=len(lineup),
        law=law,
        unknown=unknown,
        money=money,
        rivals=tuple(others),
    )
