"""An answer: its record, and its words, its table and its figures where they are asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optimoe.core.results.shown import Drawn

if TYPE_CHECKING:
    from optimoe.report.words.lines import Blocks

LONGEST_LINE = 160
"""Characters of an answer in one line."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Reply(Drawn):
    """What a request comes to; only what is shown of it is made.

    Attributes:
        record: Makes the record, of ``report.records``.
        blocks: Makes the words: lines and tables from top to bottom.
        page: Makes the report, a page of one file; none of an answer that has none.
        law_file: Makes what a law file holds, of an answer that is a law; none of others.
        rows: The records that are rows of its table, of its record; the record itself where nothing is stated.
        figures: What draws it, of its record, by name; the first is the usual one.
    """

    record: Callable[[], Any]
    blocks: "Callable[[], Blocks]"
    page: Callable[[], str] | None = None
    law_file: Callable[[], str] | None = None
    rows: Callable[[Any], Sequence[Any]] = lambda record: [record]
    figures: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The first of its words in a line."""
        words = " ".join(self.summary(None).split())
        return words if len(words) <= LONGEST_LINE else f"{words[: LONGEST_LINE - 1].rstrip()}…"
