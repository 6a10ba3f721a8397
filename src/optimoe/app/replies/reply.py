"""An answer: its record, and its words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimoe.report.words.lines import Blocks


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a request comes to; only what is shown of it is made.

    Attributes:
        record: Makes the record, of ``report.records``.
        blocks: Makes the words: lines and tables from top to bottom.
        page: Makes the report, a page of one file; none of an answer that has none.
    """

    record: Callable[[], Any]
    blocks: "Callable[[], Blocks]"
    page: Callable[[], str] | None = None
