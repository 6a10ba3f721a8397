"""What came of a training run, as JSON lines that several processes may append to."""

import fcntl
import math
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from optimoe.core.config import build
from optimoe.core.errors import (
    ConfigError,
    InputError,
    require,
    require_date,
    require_nonnegative,
    require_positive,
    require_text,
    require_types,
)
from optimoe.core.files import append_json_line, read_json_lines
from optimoe.core.files.reading import Source
from optimoe.core.records import to_record
from optimoe.core.results.shown import Drawn
from optimoe.core.run.spec import RunSpec

RunStatus = Literal["finished", "stopped", "diverged"]

MOST_ROUTER_STATISTICS = 64
"""A record keeps summaries of the routers, not a number for each expert of each layer."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One point of a loss curve.

    Attributes:
        tokens: Trained on so far.
        flops: Counted training FLOPs so far.
        seconds: Of training so far, evaluations left out.
        loss: Nats per token there.

    Raises:
        ConfigError: A number is negative or not finite.
    """

    tokens: int
    flops: float
    seconds: float
    loss: float

    def __post_init__(self) -> None:
        require_types(self)
        for name in ("tokens", "flops", "seconds"):
            require(0 <= getattr(self, name) < math.inf, name, "zero or more and finite", getattr(self, name))
        finite = "zero or more and finite (end the curve where a run diverges)"
        require(0 <= self.loss < math.inf, "loss", finite, self.loss)


@dataclass(frozen=True, kw_only=True)
class RunCorpus:
    """Which text a run was trained on and evaluated with; losses on two of these are not comparable.

    Attributes:
        tokenizer: Its name or file.
        vocab_size: Ids that it knows.
        held_out_share: Share of documents that were held out.
        num_tokens: By split.
        sha256: Of the tokens, by split.
    """

    tokenizer: str
    vocab_size: int
    held_out_share: float
    num_tokens: dict[str, int]
    sha256: dict[str, str]

    def __post_init__(self) -> None:
        require_types(self)


@dataclass(frozen=True, kw_only=True)
class RunRecord(Drawn):
    """One run that was trained, or of which the training ended early.

    Attributes:
        run: What was asked for, every default written out.
        run_id: The hash of what the run does, as it was when it began; left out, that of ``run``.
        status: ``finished``, ``stopped`` (before its tokens were seen) or ``diverged``.
        params_total: Parameters stored, both embeddings in.
        params_active: Those that one token touches, both embeddings in.
        params_nonembedding: ``params_total`` without embeddings.
        params_active_nonembedding: ``params_active`` without embeddings.
        tokens_seen: Trained on.
        train_flops: FLOPs of the training as counted part by part, attention in.
        train_flops_6nd: 6 · ``params_active`` · ``tokens_seen``.
        seconds: Of training, evaluations and saving left out.
        tokens_per_s: Trained tokens a second, over all devices.
        mfu: ``train_flops`` over ``seconds`` and ``peak_flops_per_s``.
        peak_flops_per_s: The fastest matrix products that the devices were seen to do together, FLOP/s, in the
            run's precision: no data sheet's number. 0 where nobody measured.
        loss: Held-out loss, nats per token, of the trained model routing as in use; none where it diverged.
        bits_per_byte: The same loss in bits per byte of the held-out text; none likewise.
        curve: Training or held-out loss along the run, a few hundred points at most.
        by_stage: Held-out loss of each source before the first step and after each stage; none of a run
            without stages.
        causal_training: Whether no token's training loss saw later ones; routers that choose over a batch do.
        router: Summaries of the routers by name, such as ``load_ratio_max`` or ``dead_experts``.
        model: The function that was trained, beyond the shape: router and losses with every default, activation,
            positions, norms, initial scale.
        corpora: What it was trained on, in the order of ``run.data``.
        how: How it was done on the machine, in its last start: threads, sequences of a pass, evaluations,
            kernels of the experts.
        versions: Of the software, by package.
        host: The machine's name.
        device: What it ran on, and on how many.
        started_utc: When it began, ISO 8601.
        ended_utc: When it ended, ISO 8601.

    Raises:
        UnknownNameError: No such status.
        ConfigError: A value is out of its limits; the text names the field, the limit and the value.
    """

    run: RunSpec
    run_id: str = ""
    status: RunStatus
    params_total: int
    params_active: int
    params_nonembedding: int
    params_active_nonembedding: int
    tokens_seen: int
    train_flops: float
    train_flops_6nd: float
    seconds: float
    tokens_per_s: float
    mfu: float
    loss: float | None
    bits_per_byte: float | None
    peak_flops_per_s: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
    by_stage: tuple[dict[str, float], ...] = ()
    causal_training: bool = True
    router: dict[str, float] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    corpora: tuple[RunCorpus, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    host: str = ""
    device: str = ""
    started_utc: str
    ended_utc: str

    def __post_init__(self) -> None:
        require_types(self)
        if not self.run_id:
            object.__setattr__(self, "run_id", self.run.run_id)
        require_text(self, "run_id")
        params = ("params_total", "params_active", "params_nonembedding", "params_active_nonembedding")
        require_positive(self, *params)
        require(
            self.params_active <= self.params_total, "params_active", "at most params_total", self.params_active
        )
        require_nonnegative(self, "tokens_seen")
        for name in ("train_flops", "train_flops_6nd", "seconds", "tokens_per_s", "mfu", "peak_flops_per_s"):
            require(0 <= getattr(self, name) < math.inf, name, "zero or more and finite", getattr(self, name))
        for name in ("loss", "bits_per_byte"):
            value = getattr(self, name)
            require(value is None or 0 <= value < math.inf, name, "zero or more and finite, or null", value)
        known = self.loss is not None or self.status != "finished"
        require(known, "loss", "given of a finished run", "null")
        full = self.status != "finished" or self.tokens_seen >= self.run.tokens
        require(full, "tokens_seen", f"at least the run's {self.run.tokens} in a finished run", self.tokens_seen)
        most = f"at most {MOST_ROUTER_STATISTICS} summaries"
        require(len(self.router) <= MOST_ROUTER_STATISTICS, "router", most, len(self.router))
        stages = len(self.run.stages)
        require(len(self.by_stage) <= stages + bool(stages), "by_stage", "one row more than stages", self.by_stage)
        for name, value in self.router.items():
            require(math.isfinite(value), f"router.{name}", "finite", value)
        require_date(self, "started_utc", "ended_utc")


@dataclass(frozen=True, kw_only=True)
class RunLog:
    """The records of a file.

    Attributes:
        records: In its order.
        torn: Lines that a killed process left unfinished: ``FILE:LINE: cut short, got …``.
    """

    records: tuple[RunRecord, ...]
    torn: tuple[str, ...] = ()

    @property
    def finished_ids(self) -> frozenset[str]:
        """Ids of the runs that need not be done again: finished, or diverged, which would diverge again."""
        return frozenset(record.run_id for record in self.records if record.status != "stopped")


def append_run_record(path: Path, record: RunRecord) -> None:
    """Add a record to a file, as one line, whoever else adds to it at once: :func:`append_json_line`.

    Network file systems append less strictly: there, give each process a file and read the folder.

    Raises:
        InputError: The place cannot be written.
    """
    append_json_line(path, to_record(asdict(record)))


def append_run_record_once(path: Path, record: RunRecord) -> bool:
    """Add the record of a run that is over to a file, unless one of that run is there.

    Whoever does so holds a lock on the file meanwhile, which the system lets go of however the process ends.

    Returns:
        Whether it was added.

    Raises:
        InputError: The place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if record.run_id in load_run_records(path).finished_ids:
            return False
        append_run_record(path, record)
        return True
    finally:
        os.close(handle)


def load_run_records(path: Path | Source) -> RunLog:
    """Read a file of records, or every ``.jsonl`` file of a folder.

    Raises:
        InputError: It cannot be read.
        ConfigError: A line is whole and no record: ``FILE:LINE: field: must be …, got …``.
    """
    files = sorted(path.glob("*.jsonl")) if isinstance(path, Path) and path.is_dir() else [path]
    logs = [read_json_lines(file, "a record of a run", begins=("run",)) for file in files]
    return RunLog(
        records=tuple(_record(table, where) for log in logs for where, table in log.rows),
        torn=tuple(line for log in logs for line in log.torn),
    )


def _record(table: dict[str, Any], where: str) -> RunRecord:
    """One record.

    Raises:
        ConfigError: With the line, the field, the limit and the value.
    """
    try:
        return build(RunRecord, table, where=where)
    except InputError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from None
