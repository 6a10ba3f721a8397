"""One request and its answer, as bytes come: a head, then events."""

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

import msgspec

from optimoe.core.errors import shown
from optimoe.loadtest.client.events import EventReader, StreamedAnswer, error_words

MOST_KEPT = 65_536
"""Bytes of a body of no events that are kept, for what it says."""

OK = 200


@dataclass
class HttpExchange:
    """A request on its way.

    Attributes:
        request: Its bytes.
        answer: What has come of events.
        sent_s: Before its bytes were given to the kernel.
        first_byte_s: First byte of the answer.
        ended_s: End of it.
        status: Of the HTTP answer.
        is_events: Whether its body is a stream of events.
        body: Of an answer of no events.
        error, error_text: What went wrong outside the events.
        over: Set when it is.
    """

    request: bytes
    answer: StreamedAnswer = field(default_factory=StreamedAnswer)
    sent_s: float = math.nan
    first_byte_s: float = math.nan
    ended_s: float = math.nan
    status: int = 0
    is_events: bool = False
    body: bytes = b""
    error: str = ""
    error_text: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _events: EventReader = field(default_factory=EventReader)

    @property
    def begun(self) -> bool:
        """Whether a byte of the answer has come."""
        return not math.isnan(self.first_byte_s)

    def sending(self, stamp: float) -> None:
        """Note that its bytes are given to the kernel."""
        self.sent_s = stamp

    def head(self, status: int, content_type: bytes) -> None:
        """Take in the head of the answer."""
        self.status, self.is_events = status, content_type.startswith(b"text/event-stream")

    def take(self, piece: bytes, stamp: float) -> None:
        """Take in a piece of the body."""
        if not self.is_events:
            self.body += piece[: MOST_KEPT - len(self.body)]
            return
        for kind, data in self._events.read(piece):
            self.answer.add(kind, data, stamp)

    def finish(self, stamp: float, error: str = "", text: str = "") -> None:
        """End it, well or by an error."""
        if not self.over.is_set():
            self.ended_s, self.error, self.error_text = stamp, error, text
            self.over.set()

    def fault(self, *, streamed: bool = True) -> tuple[str, str]:
        """What is wrong with the answer, as a word and what was said of it; empty for a good one.

        Args:
            streamed: Whether it was to be a stream of events with at least one chunk.
        """
        answer = self.answer
        if self.status and self.status != OK:
            return f"http_{self.status}", error_words(self.json() or shown(self.body.decode(errors="replace")))
        if answer.error:
            return answer.error, answer.error_text
        if self.error:
            return self.error, self.error_text
        if not streamed:
            return "", ""
        if not self.is_events:
            found = self.json()
            if isinstance(found, dict) and found.get("error"):
                return "stream_error", error_words(found)
            return "not_streamed", "the answer is no stream of events"
        if not answer.stamps:
            return "empty", "the answer ended without a token"
        if not answer.done and not answer.finish_reason:
            return "unfinished", "the answer ended without a finish reason or its end mark"
        return "", ""

    def json(self) -> Any:
        """The body as JSON; nothing where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None
