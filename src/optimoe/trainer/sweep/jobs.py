"""What a worker is told and what it says, a line of JSON each."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from optimoe.core.config import build, to_table
from optimoe.core.run import RunSpec
from optimoe.core.run.spec import run_from_table, run_table
from optimoe.trainer.options import TrainOptions

EventKind = Literal["ready", "step", "over", "taken", "failed", "died", "lost"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run for a worker.

    Attributes:
        run: What to train.
        folder: Its own; its record is added to ``records.jsonl`` beside it.
        corpora: Folders of its sources.
        how: On the machine.
        trunks: Folders of runs that may share its first steps.
        rehearsal: Whether only the speed of its steps is wanted; then no record is added.
    """

    run: RunSpec
    folder: Path
    corpora: tuple[Path, ...]
    how: TrainOptions
    trunks: tuple[Path, ...] = ()
    rehearsal: bool = False

    def line(self) -> str:
        """The job on one line."""
        table = {
            "run": run_table(self.run),
            "folder": str(self.folder),
            "corpora": [str(one) for one in self.corpora],
            "how": to_table(self.how),
            "trunks": [str(one) for one in self.trunks],
            "rehearsal": self.rehearsal,
        }
        return json.dumps(table) + "\n"


def read_job(line: str) -> Job:
    """The job of a line."""
    table = json.loads(line)
    return Job(
        run=run_from_table(table["run"], "run"),
        folder=Path(table["folder"]),
        corpora=tuple(map(Path, table["corpora"])),
        how=build(TrainOptions, table["how"], "how"),
        trunks=tuple(map(Path, table["trunks"])),
        rehearsal=table["rehearsal"],
    )


@dataclass(frozen=True, kw_only=True)
class Event:
    """What a worker says, or what is seen of it.

    Attributes:
        kind: ``ready`` for a job; ``step`` of a run done; run ``over``; run ``taken`` by another process; run
            ``failed`` so that it would fail again; worker ``died``; or ``lost`` with all others, so that nobody is
            to blame.
        line: Why a run failed or is taken, or how a worker died.
        fields: Numbers of a step, or of a run that is over.
    """

    kind: EventKind
    line: str = ""
    fields: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """The event on one line."""
        return json.dumps({"kind": self.kind, "line": self.line, "fields": self.fields}) + "\n"


def read_event(line: str) -> Event:
    """The event of a line."""
    return build(Event, json.loads(line), "event")
