"""How sure a decision is: under draws of the law, and when one input at a time moves."""

from dataclasses import dataclass, replace

from optimoe.core.progress import counting
from optimoe.planner.confidence.contending import Contending, contending
from optimoe.planner.confidence.draws.asked import ask
from optimoe.planner.confidence.draws.contest import Chance, spent_tokens
from optimoe.planner.confidence.over_laws import OverLaws, over_laws
from optimoe.planner.confidence.shadow_prices import ShadowPrice, shadow_prices
from optimoe.planner.confidence.swings import Swing, swings
from optimoe.planner.confidence.uncertainty import Uncertainty, uncertainty_of
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.result import Plan


@dataclass(frozen=True, kw_only=True)
class OverMoney:
    """The choice under draws of prices and demand, the law as it is.

    Attributes:
        drawn: What was drawn, with its range.
        chances: Numbers of experts that are the best in some draw, the likeliest first.
    """

    drawn: tuple[str, ...]
    chances: tuple[Chance, ...]


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """How sure a plan's choice is.

    Attributes:
        uncertainty: Under draws of the law; none where it cannot be drawn, and ``unknown`` says why.
        unknown: The reason, or nothing.
        swings: What each input would change.
        contending: The designs that draws of law, prices and demand do not tell from the choice.
        over_laws: Under the laws that may rank the choice and others beside it.
        over_money: Under draws of prices and demand.
        shadow_prices: The worth of every limit, those that bind first.
    """

    uncertainty: Uncertainty | None
    unknown: str
    swings: tuple[Swing, ...]
    contending: Contending | None = None
    over_laws: OverLaws | None = None
    over_money: OverMoney | None = None
    shadow_prices: tuple[ShadowPrice, ...] = ()


def assess(result: Plan, draws: int = 200, memory: PricedGrids = SHARED) -> Robustness:
    """Judge a plan's choice under draws of laws, prices and demand, with limits relaxed and inputs moved.

    The question was answered, and so are those around it, though more of a limit may lie beyond a law's reach.
    """
    result = replace(result, problem=replace(result.problem, allow_unsound=True, also=()))
    with counting(4) as done:  # parts of about equal length
        asked = ask(result, draws, memory)
        by_law = asked.by_law()
        drawn = None if asked.unknown else uncertainty_of(asked, by_law)
        done(1)
        swung = swings(result, asked.lineup, asked.rivals, memory)
        done(1)
        all_drawn = [asked.by_all(), *asked.by_rivals(with_money=True)]
        done(1)
        return Robustness(
            uncertainty=drawn,
            unknown=asked.unknown,
            swings=swung,
            contending=contending(all_drawn, asked.of, spent_tokens(result, asked.lineup)),
            over_laws=over_laws(asked, by_law.chances()),
            over_money=OverMoney(drawn=asked.money.words, chances=asked.by_money().chances()),
            shadow_prices=shadow_prices(result, asked.lineup, memory),
        )
