"""Every text whose printed numbers are held beside ours: of laws, of costs, and what takes the planner."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc

from optimoe.core.claims import ClaimText, FigureMaker, Reproduction, TextFigure
from optimoe.core.errors import UnknownNameError, require
from optimoe.cost.published.figures import FIGURES as COST_FIGURES
from optimoe.cost.published.ledger import cost_texts, reproduce_costs
from optimoe.cost.sizing.epoch_figures import FIGURES as SIZING_FIGURES
from optimoe.laws.published.figures import FIGURES as LAW_FIGURES
from optimoe.laws.published.ledger import law_texts, reproduce_laws
from optimoe.planner.published import article
from optimoe.planner.published.figures import FIGURES as PLAN_FIGURES
from optimoe.planner.published.optima import reproduce_optima
from optimoe.planner.published.optima import texts as optima_texts
from optimoe.planner.published.yun.answers import YunAnswer, YunAtLoss, yun_answers, yun_headline
from optimoe.planner.published.yun.claims import reproduce_yun
from optimoe.planner.published.yun.setting import TEXT as YUN

CLAIMS_OF_DESIGNS: dict[str, Callable[[], list[Reproduction]]] = {article.TEXT: article.reproduce_article}
"""Text → what judges its claims about designs, beside its printed optima."""


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """One text with its claims beside ours.

    Attributes:
        text: Key of the text, and what is held.
        rows: Its claims: of laws, of costs, then those found by the planner.
        answers: Its questions answered; only Yun 2024 asks some.
        headline: Who is cheapest to serve at equal loss, which is what Yun 2024 says first.
    """

    text: ClaimText
    rows: tuple[Reproduction, ...]
    answers: tuple[YunAnswer, ...] = ()
    headline: tuple[YunAtLoss, ...] = ()


def claim_texts() -> dict[str, ClaimText]:
    """Every text by key, in the order of the alphabet; one on laws and costs is described by its laws."""
    texts: dict[str, ClaimText] = {**cost_texts(), **law_texts()}
    return dict(sorted(texts.items()))


def reproduce_text(text: str) -> Reproduced:
    """All claims of a text beside our own numbers.

    Raises:
        UnknownNameError: A text without claims.
    """
    if text not in claim_texts():
        raise UnknownNameError("text", text, claim_texts())
    rows = reproduce_laws(text) if text in law_texts() else []
    rows += reproduce_costs(text) if text in cost_texts() else []
    rows += reproduce_optima(text) if text in optima_texts() else []
    rows += CLAIMS_OF_DESIGNS[text]() if text in CLAIMS_OF_DESIGNS else []
    if text != YUN:
        return Reproduced(text=claim_texts()[text], rows=tuple(rows))
    # its headline first, its slips of arithmetic last
    return Reproduced(
        text=claim_texts()[text],
        rows=(*reproduce_yun(), *rows),
        answers=tuple(yun_answers()),
        headline=tuple(yun_headline()),
    )


def text_figures(text: str) -> dict[str, FigureMaker]:
    """What makes each figure of a text, by key: figures of laws, of costs, of plans.

    Raises:
        UnknownNameError: A text without claims.
    """
    if text not in claim_texts():
        raise UnknownNameError("text", text, claim_texts())
    rooms = (LAW_FIGURES, COST_FIGURES, SIZING_FIGURES, PLAN_FIGURES)
    return {key: make for room in rooms for key, make in room.get(text, {}).items()}


def figure_title(make: FigureMaker) -> str:
    """A figure's title without making it: the first line of its maker's docstring."""
    return (getdoc(make) or "").splitlines()[0].rstrip(".")


def make_figure(text: str, key: str) -> TextFigure:
    """One figure of a text as data.

    Raises:
        UnknownNameError: A text without claims.
        ConfigError: The text has no such figure.
    """
    makers = text_figures(text)
    require(makers, "figure", f"of a text that has figures; {text} has none", key)
    require(key in makers, "figure", f"one of {', '.join(makers)}", key)
    return makers[key]()
