"""A process that trains the runs that it is told, one after another: ``python -m optimoe.trainer.sweep.worker``.

It ends with a checkpoint where the process that started it is gone, however that one ended.
"""

import os
import queue
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from optimoe.core.errors import OptimoeError
from optimoe.core.run import RunRecord
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.device import so_many_threads
from optimoe.trainer.forecast.rehearsal import rehearsed_step_s
from optimoe.trainer.parallel.ranks import joined
from optimoe.trainer.results.folder import TakenRunError
from optimoe.trainer.results.watching import StepReport
from optimoe.trainer.series import outcome_of
from optimoe.trainer.setup import rows_of_pass
from optimoe.trainer.steps.step import DivergedError
from optimoe.trainer.sweep.jobs import Event, Job, read_job
from optimoe.trainer.train import train

SAID_EVERY_S = 1.0
"""Between two steps of which a worker tells."""


class JobLoop:
    """This process as a worker."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._jobs = out, queue.SimpleQueue[Job | None]()

    def work(self) -> None:
        """Train what comes until there is nothing to come."""
        threading.Thread(target=self._read, daemon=True).start()
        self._say(Event(kind="ready"))
        while (job := self._jobs.get()) is not None:
            self._say(do(job, self._say))

    def _read(self) -> None:
        """Take jobs from standard input; its end is the end of who wrote them."""
        for line in sys.stdin:
            self._jobs.put(read_job(line))
        self._jobs.put(None)
        os.kill(os.getpid(), signal.SIGTERM)

    def _say(self, event: Event) -> None:
        """Tell who started this process, if it is there."""
        try:
            self._out.write(event.text())
            self._out.flush()
        except BrokenPipeError:  # it is gone: standard input ends too, and that ends the run
            pass


def do(job: Job, say: Callable[[Event], None]) -> Event:
    """Train a run to its end, or time its steps.

    Args:
        job: Which.
        say: Is told of steps, one a second at most.

    Returns:
        What came of it.

    Raises:
        SystemExit: The process was asked to end; the run has a checkpoint.
    """
    if job.rehearsal:
        return _rehearsed(job)
    began, told, speeds, steps = time.monotonic(), 0.0, list[float](), list[int]()

    def watch(report: StepReport) -> None:
        nonlocal told
        speeds.append(report.tokens_per_s)
        steps.append(report.step)
        if time.monotonic() - told > SAID_EVERY_S or report.step == report.steps:
            told = time.monotonic()
            say(Event(kind="step", fields=_fields(report)))

    def go() -> RunRecord:
        corpora = [Corpus(folder) for folder in job.corpora]
        return train(job.run, job.folder, corpora, job.how, watch, _note, job.trunks)

    try:
        with joined(job.how.device) as ranks:
            outcome_of(job.folder, ranks, go, _note)
    except TakenRunError as error:
        return Event(kind="taken", line=str(error))
    except OptimoeError as error:
        return Event(kind="failed", line=str(error))
    fields = {
        "seconds": time.monotonic() - began,
        "steps": len(steps),
        "first": steps[0] - 1 if steps else 0,
        "tokens_per_s": statistics.median(speeds[1:] or speeds or [0.0]),
    }
    return Event(kind="over", fields=fields)


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _rehearsed(job: Job) -> Event:
    """The speed of a run's steps."""
    try:
        with joined(job.how.device) as ranks, so_many_threads(job.how.threads):
            rows = job.how.micro_batch or rows_of_pass(job.run)
            seconds = rehearsed_step_s(job.run, job.how, ranks.device, rows)
    except DivergedError:  # which says nothing of its speed
        return Event(kind="over")
    except OptimoeError as error:
        return Event(kind="failed", line=str(error))
    return Event(kind="over", fields={"tokens_per_s": job.run.batch_tokens / seconds})


def _fields(report: StepReport) -> dict[str, float | int | None]:
    return {
        "step": report.step,
        "steps": report.steps,
        "loss": report.loss,
        "held_out": report.held_out,
        "tokens_per_s": report.tokens_per_s,
    }


def main() -> None:
    """Work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this one decides
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what anything prints goes beside what is said
    JobLoop(out).work()


if __name__ == "__main__":
    main()
