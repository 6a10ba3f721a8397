"""How fitted laws show themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optimoe.app.results.blocks import BlocksView

if TYPE_CHECKING:
    from optimoe.laws.fitting import Fit
    from optimoe.report.words.lines import Blocks


class FitView(BlocksView):
    """How a fitted law is shown in Python."""

    def __init__(self, fitted: "Fit") -> None:
        self.fitted = fitted

    def blocks(self) -> "Blocks":
        """Verdict, coefficients and residuals."""
        from optimoe.report.words.law_prose import fit_lines

        return [fit_lines(self.fitted, {}, None)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The coefficients, one in a row."""
        from optimoe.report.tables.results import fit_columns

        return fit_columns(self.fitted)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """The law over the range that it was fitted on; ``laws fit --page`` draws the runs as well."""
        from optimoe.report.pages.figures.laws import law_figure

        return {"law": lambda: law_figure(self.fitted.law)}
