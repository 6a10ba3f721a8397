"""Figures of texts on laws, as data, by text and key."""

from optimoe.core.claims import FigureMaker
from optimoe.laws.published.article import ARTICLE_FIGURES
from optimoe.laws.published.li.figures import LI_FIGURES
from optimoe.laws.published.li.labs import labs_ratios

FIGURES: dict[str, dict[str, FigureMaker]] = {
    "article2024": ARTICLE_FIGURES,
    "li2026": LI_FIGURES | {"labs": labs_ratios},
}
"""Text → key → what makes the figure."""
