"""What a plan's doubts are asked of: its designs, draws of its law, draws of prices and demand."""

from dataclasses import dataclass
from functools import cached_property

from optimoe.core.errors import InputError
from optimoe.planner.confidence.draws.contest import Contest, contest, narrowed, under_draws
from optimoe.planner.confidence.draws.law import LawDraws, certain, draws_of
from optimoe.planner.confidence.draws.lineup import Lineup, lineup_of_pools
from optimoe.planner.confidence.draws.money import MoneyDraws, money_draws
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.result import Plan
from optimoe.planner.search.pools import first_pools


@dataclass(frozen=True, kw_only=True)
class DrawnPlan:
    """The designs of a plan and the draws that they are compared under.

    Attributes:
        result: The plan.
        lineup: The designs that come near in some draw, the choice last.
        of: How many were looked at.
        law: Draws of the law; in each the law itself where they cannot be made.
        unknown: Why they cannot; empty where they can.
        money: Draws of prices and demand.
    """

    result: Plan
    lineup: Lineup
    of: int
    law: LawDraws
    unknown: str
    money: MoneyDraws

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
        """Designs under draws of all."""
        return contest(self.result, self.drawn, self.money)


def ask(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> DrawnPlan:
    """Put the designs that a plan looked at side by side, and draw what is not known about them."""
    problem = result.problem
    try:
        law, unknown = draws_of(problem.law, draws), ""
    except InputError as error:
        law, unknown = certain(problem.law, draws), str(error)
    stated = [item.candidate for item in result.alternatives if item.family != result.choice.family]
    given = [one for one in (*stated, result.lowest_loss) if one is not None]
    lineup = lineup_of_pools(problem, list(first_pools(problem, memory).values()), [*given, result.choice])
    money = money_draws(problem, draws)
    near = narrowed(result, lineup, law, money)
    return DrawnPlan(result=result, lineup=near, of=len(lineup), law=law, unknown=unknown, money=money)
