"""Trackers beside a training, each in a thread of its own: a slow one delays no step, a failing one ends alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from optimoe.core.errors import shown
from optimoe.core.run import RunRecord, RunSpec
from optimoe.trainer.results.folder import record_of_end
from optimoe.trainer.results.watching import StepReport, Watch, Watching

MOST_CHARACTERS = 200
"""Of what is said about a tracker that failed."""


class Tracker(Protocol):
    """What is told of a run."""

    def log(self, reports: Sequence[StepReport]) -> None:
        """Take steps that were done, in their order, once each."""
        ...

    def end(self, record: RunRecord) -> None:
        """Take what came of a run that is over."""
        ...


OpenTracker = Callable[[RunSpec, Path, StepReport], AbstractContextManager[Tracker]]
"""What begins or goes on with the tracking of a run, from the run, its folder and the first step that is told."""


def tracked(
    trackers: Mapping[str, OpenTracker], out: Path, watching: Watching, say: Callable[[str], None]
) -> Watching:
    """Tell trackers of each run, beside what shows it already.

    Args:
        trackers: By name.
        out: The folder of the runs' folders.
        watching: What shows each run.
        say: Is told once of a tracker that failed; the training goes on.
    """

    @contextmanager
    def all_of_them(run: RunSpec) -> Iterator[Watch]:
        folder = out / run.name
        with watching(run) as watch:
            beside = [_Beside(name, partial(open_it, run, folder), say) for name, open_it in trackers.items()]

            def watch_and_tell(report: StepReport) -> None:
                watch(report)
                for one in beside:
                    one.tell(report)

            try:
                yield watch_and_tell
            finally:
                for one in beside:
                    one.end(folder)

    return all_of_them


class _Beside:
    """A tracker in its thread, which begins with the first step that it is told: a run that is over has none."""

    def __init__(
        self,
        name: str,
        opened: Callable[[StepReport], AbstractContextManager[Tracker]],
        say: Callable[[str], None],
    ) -> None:
        self._name, self._opened, self._say = name, opened, say
        self._told: SimpleQueue[StepReport | RunRecord | None] = SimpleQueue()
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._work: Future[None] | None = None
        self._failed = False

    def tell(self, report: StepReport) -> None:
        if self._work is None:
            self._work = self._threads.submit(self._follow)
        if not self._gone():
            self._told.put(report)

    def end(self, folder: Path) -> None:
        """Wait until all that was told is tracked."""
        if self._work is not None:
            self._told.put(record_of_end(folder))
            self._threads.shutdown()
            self._gone()

    def _gone(self) -> bool:
        """Whether the tracker failed, which is said once."""
        error = self._work.exception() if self._work is not None and self._work.done() else None
        if error is not None and not self._failed:
            self._failed = True
            why = shown(f"{type(error).__name__}: {error}", MOST_CHARACTERS)
            self._say(f"{self._name}: tracks no more, training goes on ({why})")
        return self._failed

    def _follow(self) -> None:
        """Take what is told, all that waits at once, to the end."""
        last: StepReport | RunRecord | None = self._told.get()
        assert isinstance(last, StepReport)
        with self._opened(last) as tracker:
            while isinstance(last, StepReport):
                reports = [last]
                last = self._told.get()
                while isinstance(last, StepReport) and not self._told.empty():
                    reports.append(last)
                    last = self._told.get()
                tracker.log(reports)
            if last is not None:
                tracker.end(last)
