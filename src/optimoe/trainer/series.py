"""Runs one after another, each in a folder of its own, with one file of what came of them all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from optimoe.core.errors import require
from optimoe.core.run import RunRecord, RunSpec, append_run_record_once, load_run_records
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.device import so_many_threads
from optimoe.trainer.forecast.hours import forecast, hours_line, require_hours
from optimoe.trainer.forecast.memory import require_memory
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.parallel.ranks import Ranks, joined
from optimoe.trainer.results.folder import (
    CORPORA,
    RECORD,
    RECORDS,
    record_of_end,
    require_folder_name,
    steps_of_checkpoints,
)
from optimoe.trainer.results.watching import Watching, unwatched
from optimoe.trainer.steps.step import DivergedError
from optimoe.trainer.train import train
from optimoe.trainer.trunks import shared_steps


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """A run that is over.

    Attributes:
        folder: Where it is.
        record: What came of it.
    """

    folder: Path
    record: RunRecord


def train_series(
    runs: Sequence[RunSpec],
    out: Path,
    how: TrainOptions | None = None,
    preparation: Preparation | None = None,
    watching: Watching = unwatched,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[RunOutcome, ...]:
    """Train runs in their order, those that are not over yet, each in ``out/NAME``.

    Every run that is over has its line in ``out/records.jsonl`` once. One that diverges ends itself alone. Runs
    that differ in their tokens and decays alone, or from a stage on, share their first steps
    (:mod:`optimoe.trainer.trunks`).

    Args:
        runs: What to train; each states its data.
        out: The folder of them all.
        how: On this machine.
        preparation: How text becomes corpora; left out, as usual and under ``out/data``.
        watching: Shows each run.
        say: Is told what a person should know, a line at a time.

    Raises:
        InputError: A source of a run is not there, or a folder is another run's or another process's; the memory
            is too small, or more hours are needed than allowed.
        ConfigError: A run states no data, its name is none of a folder, or it asks for what is not built.
    """
    how, preparation = how or TrainOptions(), preparation or Preparation(folder=out / CORPORA)
    for run in runs:
        require_folder_name(run.name)
    with joined(how.device) as ranks:
        watching, say = (unwatched, lambda _: None) if ranks.rank else (watching, say)
        _require_machine(runs, out, how, ranks, say)
        prepared = ranks.first(lambda: [with_corpora(run, preparation, say) for run in runs])
        named, done = [run for run, _ in prepared], []
        for at, (run, folders) in enumerate(prepared):
            corpora = [Corpus(folder) for folder in folders]
            trunks = [out / other.name for other in named[:at]]
            kept = replace(how, keep_steps=(*how.keep_steps, *parting_steps(run, named[at + 1 :])))
            with watching(run) as watch:
                go = partial(train, run, out / run.name, corpora, kept, watch, say, trunks)
                done.append(outcome_of(out / run.name, ranks, go, say))
    return tuple(done)


def _require_machine(
    runs: Sequence[RunSpec], out: Path, how: TrainOptions, ranks: Ranks, say: Callable[[str], None]
) -> None:
    """Say what the rest of runs takes of this machine, and refuse what it cannot do, before anything is read.

    Raises:
        InputError: The memory is too small for one, or they take more hours than allowed.
    """
    with so_many_threads(how.threads), ranks.together():
        left = [
            (run, max(steps_of_checkpoints(out / run.name), *(shared_steps(run, other) for other in runs[:at]), 0))
            for at, run in enumerate(runs)
            if record_of_end(out / run.name) is None
        ]
        for run, _ in left:
            require_memory(run, ranks.device, ranks.number)
        forecasts = forecast(left, how, ranks)
        if line := hours_line(forecasts):
            say(line)
        require_hours(forecasts, how.most_hours)


def parting_steps(run: RunSpec, later: Sequence[RunSpec]) -> list[int]:
    """Steps at which later runs part from one, so that they may begin there."""
    return sorted({shared_steps(run, other) for other in later} - {0})


def with_corpora(run: RunSpec, preparation: Preparation, say: Callable[[str], None]) -> tuple[RunSpec, list[Path]]:
    """A run with its tokenizer spelled out, and the folders of its corpora.

    Raises:
        ConfigError: It states no data.
    """
    require(run.data.sources, f"{run.name}: data.sources", "stated, in the run or by --data", "none")
    names = [source.name for source in run.data.sources]
    file = preparation.tokenizer(names, run.data.tokenizer, say)
    corpora = [preparation.corpus(name, file, say) for name in names]
    tokenizer = run.data.tokenizer or corpora[0].tokenizer.name
    return replace(run, data=replace(run.data, tokenizer=tokenizer)), [corpus.folder for corpus in corpora]


def outcome_of(
    folder: Path, ranks: Ranks, train_it: Callable[[], RunRecord], say: Callable[[str], None]
) -> RunOutcome:
    """One run to its end, its record among those of the others, once however many do it at once."""
    try:
        record = train_it()
    except DivergedError as error:
        say(f"{folder.name}: {error}")
        record = load_run_records(folder / RECORD).records[-1]
    ranks.first(lambda: append_run_record_once(folder.parent / RECORDS, record))
    return RunOutcome(folder=folder, record=record)
