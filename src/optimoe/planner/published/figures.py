"""Figures of texts on plans, as data, by text and key."""

from optimoe.core.claims import FigureMaker
from optimoe.planner.published import article
from optimoe.planner.published.yun.figures.inferred import inferred_figure
from optimoe.planner.published.yun.figures.laws import YUN_FIGURES
from optimoe.planner.published.yun.setting import TEXT as YUN

FIGURES: dict[str, dict[str, FigureMaker]] = {
    article.TEXT: article.ARTICLE_FIGURES,
    YUN: YUN_FIGURES | {"inferred": inferred_figure},
}
"""Text → key → what makes the figure."""
