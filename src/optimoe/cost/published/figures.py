"""Figures of texts on costs of serving and training, as data, by text and key."""

from optimoe.core.claims import FigureMaker

FIGURES: dict[str, dict[str, FigureMaker]] = {}
"""Text → key → what makes the figure."""
