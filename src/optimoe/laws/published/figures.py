"""Figures of texts on laws, as data, by text and key."""

from optimoe.core.claims import FigureMaker

FIGURES: dict[str, dict[str, FigureMaker]] = {}
"""Text → key → what makes the figure."""
