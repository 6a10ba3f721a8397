"""Figures of texts on plans, as data, by text and key."""

from optimoe.core.claims import FigureMaker
from optimoe.planner.published import article

FIGURES: dict[str, dict[str, FigureMaker]] = {article.TEXT: article.ARTICLE_FIGURES}
"""Text → key → what makes the figure."""
