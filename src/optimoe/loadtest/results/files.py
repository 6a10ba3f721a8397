"""Files of a measurement: every request as soon as it is over, and the figures of each level."""

import json
import queue
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from optimoe.core.config import build
from optimoe.core.errors import ConfigError, InputError
from optimoe.core.files import append_json_lines, read_json_lines, write_text
from optimoe.core.records import to_record
from optimoe.loadtest.results.summary import LevelSummary, vllm_table
from optimoe.loadtest.results.timing import NEVER, RequestTiming

STAMPS = tuple(name for name in RequestTiming.__dataclass_fields__ if name.endswith("_s") and name != "gaps_s")
"""What a file holds as null where it did not happen."""


class RequestLog:
    """A file to which requests are appended as they end, a JSON line each, by a thread of its own.

    What is written is on the disk: a process that is killed loses what ended in the last moment alone.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise InputError(f"log: {path} is there already")
        self._path, self._fault = path, list[InputError]()
        self._waiting: queue.SimpleQueue[RequestTiming | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        append_json_lines(path, [])

    def __enter__(self) -> "RequestLog":
        """Begin to write."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Write what waits.

        Raises:
            InputError: The file could not be written, where nothing worse has happened.
        """
        self._waiting.put(None)
        self._thread.join()
        if self._fault and error is None:
            raise self._fault[0]

    def keep(self, timing: RequestTiming) -> None:
        """Hand over a request that is over."""
        self._waiting.put(timing)

    def _write(self) -> None:
        more = True
        while more and not self._fault:
            batch = [self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get())
            more = None not in batch
            try:
                append_json_lines(self._path, [to_record(asdict(one)) for one in batch if one is not None])
            except InputError as error:
                self._fault.append(error)


@dataclass(frozen=True, kw_only=True)
class LoggedRequests:
    """The requests of a file.

    Attributes:
        timings: In the order of the file.
        torn: Lines that a killed process left unfinished: ``FILE:LINE: cut short, got …``.
    """

    timings: tuple[RequestTiming, ...]
    torn: tuple[str, ...]


def load_requests(path: Path) -> LoggedRequests:
    """Read a file of requests, also one whose writer was killed.

    Raises:
        InputError: It cannot be read.
        ConfigError: A line is no request: names it.
    """
    lines = read_json_lines(path, "a timed request", begins=("index",))
    return LoggedRequests(timings=tuple(_timing(where, table) for where, table in lines.rows), torn=lines.torn)


def _timing(where: str, table: dict[str, Any]) -> RequestTiming:
    known = {name: NEVER if value is None and name in STAMPS else value for name, value in table.items()}
    try:
        return build(RequestTiming, known, where=where)
    except InputError as error:
        raise ConfigError(str(error)) from None


def save_summaries(path: Path, summaries: Iterable[LevelSummary]) -> None:
    """Write the figures of levels, one JSON object a line, each with the names of ``vllm bench serve``.

    Raises:
        InputError: The place cannot be written.
    """
    tables = (vllm_table(summary) for summary in summaries)
    write_text(path, "".join(json.dumps(table, ensure_ascii=False, allow_nan=False) + "\n" for table in tables))
