"""The request of ``optimoe train``: runs of a file, what is changed in them, and how this machine does them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from optimoe.core.errors import InputError, UnknownNameError, require
from optimoe.core.run import AskedRun, DataSource, RunSpec, load_asked_runs
from optimoe.core.run.asked import asked_from_table
from optimoe.core.run.parts import Precision
from optimoe.core.run.stages import scaled_stages
from optimoe.inputs.quantities import Quantity, whole
from optimoe.inputs.runs.corpus import Names, TextRequest
from optimoe.inputs.runs.machine import TrainOptions

if TYPE_CHECKING:
    from optimoe.trainer.corpus.prepared import Preparation
    from optimoe.trainer.results.trackers.beside import OpenTracker
    from optimoe.trainer.results.watching import Watching
    from optimoe.trainer.series import RunOutcome


@dataclass(frozen=True)
class RunsOf:
    """Runs by file, or one by content."""

    def read(self, value: Any, trusted: bool) -> Any:
        """Read the path of a file, a run or its table.

        Raises:
            InputError: It is none of these, or a file and not trusted.
        """
        if isinstance(value, RunSpec | Mapping):
            return value
        if not isinstance(value, str | Path) or not trusted:
            raise InputError(f"must be a run, its table, or where files are allowed one of runs, got {value!r}")
        return str(value)


if TYPE_CHECKING:
    RunsLike: TypeAlias = str | Path | Mapping[str, Any] | RunSpec
else:
    RunsLike = Annotated[str, RunsOf()]


@Parameter(name="*", group="Runs")
@dataclass(frozen=True, kw_only=True)
class ChangedRuns:
    """Runs as a file states them, and what is changed in each, which makes it another run."""

    runs: RunsLike = field(kw_only=False)
    """TOML or JSON file of runs (docs/runs.md), such as a plan's winner/proxies.toml."""
    only: Names = field(default_factory=list)
    """Names of the runs to train; left out, all in their order."""
    data: Names = field(default_factory=list)
    """Train on these in equal parts: corpora of optimoe data make, files or folders of text, or names."""
    tokenizer: str = ""
    """Of text that is no corpus yet: bytes, bpe:SIZE, a tokenizer.json or its folder; left out, the run's."""
    precision: Precision | None = None
    """Of the products."""
    seed: int | None = None
    """Of the initial weights and of what is drawn."""
    tokens: Quantity | None = None
    """Training tokens of each run; its warm-up stays the same share."""
    share: float = 1.0
    """Train on this share of each run's tokens, its warm-up too: a ladder keeps its rungs."""
    batch_tokens: Quantity | None = None
    """Tokens of a step."""
    seq_len: Quantity | None = None
    """Tokens of a sequence."""

    def __post_init__(self) -> None:
        require(0 < self.share <= 1, "share", "above 0 and at most 1", self.share)
        require(self.tokens is None or self.share == 1, "share", "left out beside --tokens", self.share)

    def specs(self, say: Callable[[str], None] = lambda _: None) -> tuple[RunSpec, ...]:
        """The runs that are asked for, changed; then rules give the numbers that are left to them.

        Args:
            say: Is told what rules give, and where they are from.

        Raises:
            ConfigError: The file cannot be read, a field is out of limits, or a rule has no number for a run.
            UnknownNameError: No such run in the file, or no such rule.
        """
        from optimoe.laws.prediction.rates import settled

        asked = self._stated()
        names = [one.run.name for one in asked]
        for name in self.only:
            if name not in names:
                raise UnknownNameError("only", name, names)
        wanted = [one for one in asked if not self.only or one.run.name in self.only]
        return tuple(settled(self._changed(one), say) for one in wanted)

    def _stated(self) -> tuple[AskedRun, ...]:
        if isinstance(self.runs, RunSpec):
            return (AskedRun(run=self.runs),)
        if isinstance(self.runs, Mapping):
            return (asked_from_table(self.runs, "run"),)
        return load_asked_runs(Path(self.runs))

    def _changed(self, asked: AskedRun) -> AskedRun:
        """One run with what is stated here in place of its own."""
        run, batch_rule = asked.run, asked.batch_rule if self.batch_tokens is None else ""
        changed: dict[str, Any] = {
            name: whole(name, value)
            for name, value in (("batch_tokens", self.batch_tokens), ("seq_len", self.seq_len))
            if value is not None
        }
        if batch_rule:
            changed["batch_tokens"] = changed.get("seq_len", run.seq_len)
        tokens = (
            whole("tokens", self.tokens) if self.tokens is not None else max(1, round(self.share * run.tokens))
        )
        stages = scaled_stages(run.stages, tokens / run.tokens, changed.get("batch_tokens", run.batch_tokens))
        tokens = sum(stage.tokens for stage in stages) or tokens
        warmup = round(run.schedule.warmup_tokens * min(1.0, tokens / run.tokens))
        sources = tuple(DataSource(name=name) for name in self.data) or run.data.sources
        run = replace(
            run,
            tokens=tokens,
            stages=stages,
            schedule=replace(run.schedule, warmup_tokens=warmup),
            data=replace(run.data, sources=sources, tokenizer=self.tokenizer or run.data.tokenizer),
            precision=self.precision or run.precision,
            seed=run.seed if self.seed is None else self.seed,
            **changed,
        )
        return replace(asked, run=run, batch_rule=batch_rule)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainRequest(ChangedRuns):
    """Runs to train, on this machine."""

    out: Path = Path("runs")
    """Folder of the runs: NAME/ of each, records.jsonl of all, data/ of their corpora."""
    how: TrainOptions = field(default_factory=TrainOptions)
    reading: TextRequest = field(default_factory=TextRequest)
    tensorboard: bool | None = None
    """Write NAME/tensorboard beside NAME/metrics.jsonl; left out, where tensorboard is installed."""
    mlflow: str = ""
    """Track runs in MLflow too: URI of a server or database, or a folder (pip install mlflow-skinny)."""

    def trained(
        self, watching: "Watching | None" = None, say: Callable[[str], None] = lambda _: None
    ) -> "tuple[RunOutcome, ...]":
        """What came of the runs, each trained to its end.

        Args:
            watching: Shows each run; left out, nothing does.
            say: Is told what a person should know, a line at a time.

        Raises:
            InputError: PyTorch or a tracker is not installed, or a source or a folder cannot be used.
            ConfigError: A run cannot be trained as it is stated.
        """
        runs = self.specs(say)
        for needed, package, installs in (
            (True, "torch", "optimoe[train]"),
            (self.tensorboard, "tensorboard", "tensorboard"),
            (self.mlflow, "mlflow", "mlflow-skinny"),
        ):
            if needed and find_spec(package) is None:
                raise InputError(f"train: needs {package} (pip install '{installs}')")
        from optimoe.trainer.results.trackers.beside import tracked
        from optimoe.trainer.results.watching import unwatched
        from optimoe.trainer.series import train_series

        shown = tracked(self._trackers(), self.out, watching or unwatched, say)
        return train_series(runs, self.out, self.how, self.preparation(), shown, say)

    def _trackers(self) -> "dict[str, OpenTracker]":
        """What runs are told to: TensorBoard unless it is declined or not there, MLflow where it is asked for."""
        from optimoe.trainer.results.trackers.mlflow import mlflow_at
        from optimoe.trainer.results.trackers.tensorboard import drawn

        found: dict[str, OpenTracker] = {}
        if self.tensorboard is not False and find_spec("tensorboard") is not None:
            found["tensorboard"] = drawn
        if self.mlflow:
            found["mlflow"] = mlflow_at(self.mlflow)
        return found

    def preparation(self) -> "Preparation":
        """How text becomes corpora."""
        from optimoe.trainer.corpus.prepared import Preparation
        from optimoe.trainer.results.folder import CORPORA

        reading = self.reading
        return Preparation(
            folder=self.out / CORPORA, held_out_share=reading.held_out, most_tokens=reading.tokens()
        )
