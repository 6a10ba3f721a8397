"""The folder of a run: what was asked for, what is measured along the way, what came of it; one trainer at a time.

::

    RUN/run.toml          what was asked for
    RUN/data.json         hashes of the tokens that it is trained on
    RUN/tokenizer.json    what its text was tokenised by
    RUN/metrics.jsonl     a line for each logged step
    RUN/record.jsonl      what came of it, a line each time that it ended
    RUN/checkpoints/      the newest, each whole
"""

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimoe.core.config import load_json
from optimoe.core.errors import InputError, require
from optimoe.core.files import append_json_line, read_json_lines, remove_file, write_text
from optimoe.core.records import to_json
from optimoe.core.run import RunRecord, RunSpec, append_run_record, load_run_records, load_runs, save_runs
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.corpus.tokenizers import TOKENIZER_FILE, Tokenizer

RUN, METRICS, RECORD, CHECKPOINTS, LOCK = "run.toml", "metrics.jsonl", "record.jsonl", "checkpoints", ".lock"
DATA = "data.json"

RECORDS, CORPORA = "records.jsonl", "data"
"""Beside the folders of runs: what came of those that are over, and the corpora of their sources."""

LOCK_TRIES, LOCK_PAUSE_S = 5, 0.01


class TakenRunError(InputError):
    """The run of a folder is being trained by another process."""


class RunFolder:
    """A run's files; :func:`open_run` makes one.

    Attributes:
        path: Where they are.
        checkpoints: The newest ones.
    """

    def __init__(self, path: Path, keep: int, keep_steps: Collection[int] = ()) -> None:
        self.path, self.checkpoints = path, CheckpointFolder(path / CHECKPOINTS, keep, keep_steps)

    @property
    def record(self) -> RunRecord | None:
        """What came of the run, where it is over: finished or diverged."""
        return record_of_end(self.path)

    def add_record(self, record: RunRecord) -> None:
        """Write what came of the run."""
        append_run_record(self.path / RECORD, record)

    def keep_data(self, corpora: Sequence[Corpus]) -> None:
        """Write which tokens a run is trained on, and its tokenizer, so that it goes on with the same.

        Raises:
            InputError: They were others before.
        """
        hashes, kept = [corpus.facts.sha256 for corpus in corpora], self.path / DATA
        if kept.is_file():
            same = load_json(kept).get("sha256") == hashes
            require(same, f"{kept}", "of the corpora", "others, with which the run began")
        else:
            write_text(kept, to_json({"sha256": hashes}) + "\n")
        self.keep_tokenizer(corpora[0].tokenizer)

    def keep_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Write what the run's text is tokenised by, so that the run can be used without its corpora.

        Raises:
            InputError: It was another one before.
        """
        with TemporaryDirectory(dir=self.path, prefix=".tokenizer-") as beside:
            tokenizer.save(Path(beside))
            file, kept = Path(beside) / TOKENIZER_FILE, self.path / TOKENIZER_FILE
            if kept.is_file():
                same = kept.read_bytes() == file.read_bytes()
                require(same, f"{kept}", "the corpora's tokenizer", "another one, with which the run began")
            else:
                file.replace(kept)

    def cut_metrics(self, step: int) -> None:
        """Forget what was measured beyond a step, which is done again, so that every step has one line.

        Raises:
            InputError: The file cannot be read or written.
        """
        if (self.path / METRICS).is_file():
            kept = [line for line in load_metrics(self.path) if line["step"] <= step]
            write_text(self.path / METRICS, "".join(json.dumps(line) + "\n" for line in kept))

    def log(self, metrics: dict[str, Any]) -> None:
        """Write a line of what was measured at a step."""
        append_json_line(self.path / METRICS, metrics)


def load_metrics(run: Path) -> list[dict[str, Any]]:
    """What was measured along a run, each step once, in order; a line that a killed process tore is left out.

    Args:
        run: The folder of the run; one that is being trained may be read too.

    Raises:
        InputError: There are no metrics, or they cannot be read.
        ConfigError: A line is none of metrics.
    """
    rows = read_json_lines(run / METRICS, "metrics of a step", begins=("step",)).rows
    for where, row in rows:
        require(isinstance(row.get("step"), int), f"{where}: step", "a whole number", row.get("step"))
    by_step = {row["step"]: row for _, row in rows}
    return [by_step[step] for step in sorted(by_step)]


def record_of_end(path: Path) -> RunRecord | None:
    """The record of a run's folder, where the run is over: finished or diverged.

    Raises:
        ConfigError: A line of the file is no record.
    """
    if not (path / RECORD).is_file():
        return None
    over = [one for one in load_run_records(path / RECORD).records if one.status != "stopped"]
    return over[-1] if over else None


def steps_of_checkpoints(path: Path) -> int:
    """Steps of a run's newest checkpoint in its folder, whole or not; 0 without one."""
    return max(CheckpointFolder(path / CHECKPOINTS).steps(), default=0)


@contextmanager
def open_run(path: Path, run: RunSpec, keep: int, keep_steps: Collection[int] = ()) -> Iterator[RunFolder]:
    """The folder of a run, this process alone in it; a run that never took a step leaves it to another.

    Raises:
        TakenRunError: Another process trains it.
        InputError: It cannot be written, or it holds another run.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        _lock(handle, path)
        if any((path / begun).exists() for begun in (METRICS, RECORD, CHECKPOINTS)):
            (there,) = load_runs(path / RUN)
            same = there.run_id == run.run_id
            require(same, f"{path}", f"empty, or of the run {run.run_id}", f"{there.name} ({there.run_id})")
        else:
            remove_file(path / TOKENIZER_FILE)
            remove_file(path / DATA)
            save_runs(path / RUN, [run])
        folder = RunFolder(path, keep, keep_steps)
        folder.checkpoints.clear_unfinished()
        yield folder
    finally:
        os.close(handle)


def is_taken(path: Path) -> bool:
    """Whether a process trains the run of a folder at this moment."""
    if not (path / LOCK).is_file():
        return False
    with (path / LOCK).open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _lock(handle: int, path: Path) -> None:
    """Take the lock, which the system lets go of however this process ends.

    Raises:
        TakenRunError: Another process holds it.
    """
    for left in reversed(range(LOCK_TRIES)):  # who only asks whether it is taken holds it for a moment
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if not left:
                owner = os.pread(handle, 32, 0).decode(errors="replace").strip()
                raise TakenRunError(f"{path}: is being trained by process {owner or 'unknown'}") from None
            time.sleep(LOCK_PAUSE_S)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


def require_folder_name(name: str) -> None:
    """Refuse a name that is none of a folder, or that of a folder which is used otherwise.

    Raises:
        InputError: It is such a name.
    """
    if Path(name).name != name or name.startswith(".") or name in (CORPORA, RECORDS):
        raise InputError(f"name of a run: must be one of a folder, and not {CORPORA} or {RECORDS}, got {name!r}")
