"""A program of others in a process group of its own, which never outlives the block that started it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryFile
from typing import IO

from optimoe.core.errors import InputError, shown
from optimoe.core.files.interrupts import endings_as_exception, signals_held
from optimoe.loadtest.engines.commands import EngineCommand

GRACE_S = 5.0
"""Seconds that a program has to end by itself after SIGTERM."""
TAIL_BYTES = 16384
WATCH = 'cat > /dev/null; kill -s TERM -- "-$1" && sleep "$2"; kill -s KILL -- "-$1"'
"""Of a shell that outlives this process: its input ends with the one who writes to it, and then the group does."""


class Program:
    """A program that was started, and what it has printed.

    Attributes:
        pid: Of its process, and of the group of all that it starts.
    """

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        self.pid = process.pid
        self._process, self._output = process, output

    @property
    def ended(self) -> str:
        """How it ended, in words; empty while it runs."""
        status = self._process.poll()
        if status is None:
            return ""
        return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"

    def last_lines(self, most: int = 12) -> tuple[str, ...]:
        """The end of what it has printed, without blank lines."""
        end = os.fstat(self._output.fileno()).st_size
        text = os.pread(self._output.fileno(), TAIL_BYTES, max(0, end - TAIL_BYTES)).decode(errors="replace")
        return tuple(shown(line.rstrip(), 200) for line in text.split("\n") if line.strip())[-most:]


@contextmanager
def started(command: EngineCommand) -> Iterator[Program]:
    """Run a program for as long as the block lasts.

    However the block is left (at its end, by an exception, Ctrl-C, SIGTERM or SIGHUP), the program and all that it
    has started are asked to end, and killed where they have not :data:`GRACE_S` later. Ctrl-C on a terminal goes
    to this process alone. Where this process is killed, a shell that waits for just that ends the program.

    Raises:
        InputError: There is no such program.
    """
    # Signals wait while the program starts and until it is known here, so that none is forgotten.
    with endings_as_exception(), TemporaryFile() as output, ExitStack() as stack:
        with signals_held():
            try:
                process = subprocess.Popen(
                    command.words,
                    env=os.environ | command.variables,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise InputError(f"{command.words[0]}: cannot be started ({error.strerror})") from None
            stack.callback(_stop, process)
            stack.enter_context(_watched(process.pid))
        yield Program(process, output)


@contextmanager
def _watched(group: int) -> Iterator[None]:
    """Have a process group ended if this process is killed before the block is left."""
    silent = subprocess.DEVNULL
    words = ("sh", "-c", WATCH, "watch", str(group), f"{GRACE_S:g}")
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=silent, stderr=silent, start_new_session=True
    ) as watch:
        try:
            yield
        finally:
            watch.kill()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and its group; a second Ctrl-C waits until it has gone."""
    with signals_held(), process:
        _signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all have gone
        os.killpg(process.pid, number)
