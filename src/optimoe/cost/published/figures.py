"""Figures of texts on costs of serving and training, as data, by text and key."""

from optimoe.core.claims import FigureMaker
from optimoe.cost.published import epoch_figures

FIGURES: dict[str, dict[str, FigureMaker]] = {
    "epoch2024": {
        "sparsity": epoch_figures.by_sparsity,
        "components": epoch_figures.components,
        "all-reduce": epoch_figures.all_reduce,
        "cache": epoch_figures.cache_saved,
    }
}
"""Text → key → what makes the figure."""
