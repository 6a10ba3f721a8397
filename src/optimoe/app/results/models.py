"""How models that are counted, served or compared show themselves, and answers to any other question."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from optimoe.app.results.blocks import BlocksView

if TYPE_CHECKING:
    from optimoe.app.replies.reply import Reply
    from optimoe.arch.count import ArchCount
    from optimoe.cost.serving.estimate import ServingEstimate
    from optimoe.report.words.lines import Blocks


class CountView(BlocksView):
    """How a counted model is shown in Python."""

    def __init__(self, counted: "ArchCount") -> None:
        self.counted = counted

    def blocks(self) -> "Blocks":
        """Parameters, FLOPs and bytes."""
        from optimoe.report.words.arch_prose import counted_lines

        return [counted_lines(self.counted)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """The columns of its only row."""
        from optimoe.report.tables.results import count_columns

        return count_columns(self.counted)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """Where the parameters are."""
        from optimoe.report.pages.figures.models import count_figure

        return {"parameters": lambda: count_figure(self.counted)}


class ServingView(BlocksView):
    """A model that is served, or a grid of them."""

    def __init__(self, estimate: "ServingEstimate") -> None:
        self.estimate = estimate

    def blocks(self) -> "Blocks":
        """Latency, throughput and price."""
        from optimoe.report.words.served.estimate_prose import estimate_lines

        return [estimate_lines(self.estimate)]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A row for each point of the grid."""
        from optimoe.report.tables.results import serving_columns

        return serving_columns(self.estimate)

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """What a decoded token waits for; there is none of a grid."""
        from optimoe.report.pages.figures.plan import parts_figure

        return {"tpot": lambda: parts_figure(self.estimate)}


class ReplyView(BlocksView):
    """An answer by its record."""

    def __init__(self, reply: "Reply") -> None:
        self.reply = reply

    def blocks(self) -> "Blocks":
        """The words of the command."""
        return self.reply.blocks()

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """A row for each record of the answer."""
        from optimoe.report.tables.results import record_columns

        return record_columns(self.reply.rows(self.reply.record()))

    def figures(self) -> Mapping[str, Callable[[], Any]]:
        """The figures that the answer states, drawn of its record."""
        return {name: partial(self._drawn, draw) for name, draw in self.reply.figures.items()}

    def _drawn(self, draw: Callable[[Any], Any]) -> Any:
        return draw(self.reply.record())
