"""Server-sent events, and what the events of an answer carry."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from optimoe.core.errors import shown

DONE = b"[DONE]"
"""What ends the events of an answer."""

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
"""Where a delta of a chat may hold what a model has said."""

_decode = msgspec.json.Decoder().decode


class EventReader:
    """Cuts bytes into events: ``event:`` and ``data:`` lines up to an empty one (WHATWG HTML, section 9.2)."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = b""
        self._data: list[bytes] = []

    def read(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The events that a piece of bytes completes, each its kind and its data."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif line.startswith(b"event:"):
                self._kind = line[6:].strip()
            elif not line and self._data:
                yield self._kind, b"\n".join(self._data)
                self._kind, self._data = b"", []


@dataclass
class StreamedAnswer:
    """An answer as far as it has come, in stamps and counts.

    Attributes:
        stamps: Of its chunks.
        texts: What they say, but for thoughts.
        empty_chunks: Events before the first chunk that carry nothing, but for those with a role.
        usage: Tokens by the server's name for them; those of the last event that states them.
        finish_reason: As the server says.
        done: Whether the end mark has come.
        error: Kind of an error within the answer; empty for none.
        error_text: What the server says of it.
    """

    stamps: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    empty_chunks: int = 0
    usage: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str = ""
    done: bool = False
    error: str = ""
    error_text: str = ""

    def add(self, kind: bytes, data: bytes, stamp: float) -> None:
        """Take an event in."""
        if data == DONE:
            self.done = True
            return
        try:
            event = _decode(data)
        except msgspec.DecodeError:
            event = data.decode(errors="replace") if kind == b"error" else None
        if kind == b"error" or (isinstance(event, dict) and event.get("error")):
            self._fail("stream_error", error_words(event))
        elif not isinstance(event, dict):
            self._fail("not_json", shown(data.decode(errors="replace")))
        else:
            self._add(event, stamp)

    def _add(self, event: dict[str, Any], stamp: float) -> None:
        if isinstance(event.get("usage"), dict):
            self.usage = event["usage"]
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, dict):
                continue
            delta = choice.get("delta")
            if carries_tokens(choice):
                self.stamps.append(stamp)
                self.texts.append(said_in(choice))
            elif not self.stamps and not choice.get("finish_reason"):
                self.empty_chunks += not (isinstance(delta, dict) and "role" in delta)
            self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)

    def _fail(self, error: str, text: str) -> None:
        if not self.error:
            self.error, self.error_text = error, text

    def count(self, name: str) -> int:
        """Tokens by the server's count of a name; 0 where it says none, or nothing that is one."""
        value = self.usage.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    @property
    def cached_tokens(self) -> int:
        """Tokens of the prompt that the server had in its prefix cache, as it says."""
        details = self.usage.get("prompt_tokens_details")
        value = details.get("cached_tokens") if isinstance(details, dict) else 0
        return value if isinstance(value, int) and value > 0 else 0

    @property
    def first_s(self) -> float:
        """Stamp of the first chunk; NaN where none has come."""
        return self.stamps[0] if self.stamps else math.nan

    @property
    def last_s(self) -> float:
        """Stamp of the last chunk; NaN where none has come."""
        return self.stamps[-1] if self.stamps else math.nan


def carries_tokens(choice: Mapping[str, Any]) -> bool:
    """Whether a choice of an event holds text of the answer or its reasoning, part of a call, or token ids."""
    if choice.get("text") or choice.get("token_ids"):
        return True
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(delta.get(name) for name in _TEXTS)


def said_in(choice: Mapping[str, Any]) -> str:
    """The text of the answer in a choice of an event; empty where it holds none."""
    delta = choice.get("delta")
    text = choice.get("text") or (delta.get("content") if isinstance(delta, dict) else "")
    return text if isinstance(text, str) else ""


def error_words(body: Any) -> str:
    """What a server says of an error, on one line: its message where it has one."""
    found = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail") or json.dumps(found)
    return shown(str(found), 200)
