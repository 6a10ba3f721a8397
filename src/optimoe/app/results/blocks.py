"""A result whose words are blocks of lines and tables."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from optimoe.core.errors import require_choice
from optimoe.core.results.shown import View

if TYPE_CHECKING:
    from optimoe.report.words.lines import Blocks


class BlocksView(View):
    """A result whose words are blocks; a kind of result says which, its table, and its figures."""

    @abstractmethod
    def blocks(self) -> "Blocks":
        """The words of the result."""

    def text(self, width: int | None) -> str:
        """The words, no wider than a width."""
        from optimoe.report.words.layout import blocks_text

        return "\n".join(blocks_text(self.blocks(), width))

    def html(self) -> str:
        """The words as a piece of a page."""
        from optimoe.report.pages.fragment import blocks_html

        return blocks_html(self.blocks())

    @abstractmethod
    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """What draws it, by name; the first is the usual one, none where nothing can be drawn."""

    def figure(self, kind: str) -> Any:
        """One of the figures, as it stands outside a page."""
        from optimoe.report.pages.figures.style import by_itself

        figures = self.figures()
        chosen = kind or next(iter(figures), "")
        require_choice(chosen, "kind", figures)
        return by_itself(figures[chosen]())
