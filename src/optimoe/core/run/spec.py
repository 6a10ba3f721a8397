"""One training run, stated whole: what a plan or a sweep asks for and a trainer does."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import Any

from optimoe.core.config import build
from optimoe.core.errors import (
    ConfigError,
    require,
    require_nonnegative,
    require_positive,
    require_text,
    require_types,
)
from optimoe.core.records import to_values
from optimoe.core.run.parts import DataMix, Optimizer, Precision, RunLayout, Schedule
from optimoe.core.run.stages import Stage, Start, require_stages

NULL = "null"
"""The key under which a file without nulls lists the fields that are null; no field may be called so."""

TALK = ("name", "source", "notes")
"""Fields that say something about a run and change nothing in it."""

LATER = ("start", "stages")
"""Fields that runs got later: at their defaults they are no part of the id, so that older runs keep theirs."""

ID_DIGITS = 16
"""Of a run id, in hexadecimal: 64 bits, so that two of a million runs share one with probability 3e-8."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything that a trainer needs to know of one run.

    Attributes:
        name: What people call it; unique in a file.
        architecture: The content of the model's ``config.json``: ``optimoe.arch.hf`` writes and reads it, so that
            the kind of attention, key-value heads, head width, shared experts and vocabulary all survive; or, of
            ``model_type`` ``optimoe``, the parts themselves (:mod:`optimoe.arch.hf.own`).
        tokens: Training tokens.
        batch_tokens: Tokens of one step, over all ranks.
        seq_len: Tokens of a sequence.
        schedule: The learning rate over the run, or over each of its stages.
        optimizer: How gradients move the weights.
        router: How tokens find their experts: ``kind`` and its options; empty for the trainer's default.
        bias_rate: Step of the balancing biases at every optimiser step, where the router has them; DeepSeek V3's
            (arXiv 2412.19437, Sec. 4.2).
        losses: Weights of what is added to the language-model loss, by name; empty for the trainer's default.
        init_std: Standard deviation of the initial weights.
        precision: Of the products: ``fp32``, ``bf16``, ``fp16`` or ``fp8``.
        layout: How the run is split over devices; none where the trainer chooses.
        seed: Of the initial weights and of everything drawn while training.
        data: What it is trained on, and its held-out loss is of.
        start: Where its weights come from; none for random ones.
        stages: Parts of it with data of their own, one after the other, which together have its tokens; the
            architecture is that before any of them grows. Empty for one with all of the data.
        source: Which plan, law or person asked for it.
        notes: Where its numbers come from, and caveats.

    Raises:
        UnknownNameError: A word is none of its choices.
        ConfigError: A number is out of limits, or a table holds what a file cannot.
    """

    name: str
    architecture: dict[str, Any]
    tokens: int
    batch_tokens: int
    seq_len: int
    schedule: Schedule
    optimizer: Optimizer = field(default_factory=Optimizer)
    router: dict[str, Any] = field(default_factory=dict)
    bias_rate: float = 1e-3
    losses: dict[str, Any] = field(default_factory=dict)
    init_std: float = 0.02
    precision: Precision = "bf16"
    layout: RunLayout | None = None
    seed: int = 0
    data: DataMix = field(default_factory=DataMix)
    start: Start | None = None
    stages: tuple[Stage, ...] = ()
    source: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "name")
        for table in ("architecture", "router", "losses"):
            # a copy of plain values: what a caller changes later does not change the run
            object.__setattr__(self, table, to_values(getattr(self, table)))
            _require_plain(getattr(self, table), table, null=table == "architecture")
        kind = self.architecture.get("model_type")
        require(isinstance(kind, str) and kind, "architecture.model_type", "given", repr(kind))
        kind = self.router.get("kind")
        require(not self.router or (isinstance(kind, str) and kind), "router.kind", "given", repr(kind))
        require_positive(self, "tokens", "batch_tokens", "seq_len")
        require_nonnegative(self, "seed", "bias_rate")
        require(self.bias_rate < math.inf, "bias_rate", "finite", self.bias_rate)
        require(0 < self.init_std < math.inf, "init_std", "positive and finite", self.init_std)
        whole = f"a multiple of seq_len = {self.seq_len}"
        require(self.batch_tokens % self.seq_len == 0, "batch_tokens", whole, self.batch_tokens)
        most, warmup = f"at most tokens = {self.tokens}", self.schedule.warmup_tokens
        require(warmup <= self.tokens, "schedule.warmup_tokens", most, warmup)
        if self.stages:
            names = [source.name for source in self.data.sources]
            require_stages(self.stages, self.tokens, self.batch_tokens, names)
            least = min(stage.tokens for stage in self.stages)
            most = f"at most the tokens of each stage, {least}"
            require(warmup <= least, "schedule.warmup_tokens", most, warmup)

    @property
    def run_id(self) -> str:
        """A hash of all that the run does: two runs that differ in name, source and notes alone have one id.

        The first 16 hexadecimal digits of the SHA-256 of the fields as JSON, every default written out, keys
        sorted.
        """
        # through build(), so that 1 and 1.0 in a field of floats are one run
        table = run_table(build(RunSpec, run_table(self), where="run"))
        content = {key: value for key, value in table.items() if key not in TALK and (value or key not in LATER)}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]

    @property
    def steps(self) -> int:
        """Optimizer steps, the last of which may be shorter: ⌈tokens/batch_tokens⌉."""
        return -(-self.tokens // self.batch_tokens)

    @property
    def stage_ends(self) -> tuple[int, ...]:
        """Steps done at the end of each stage; of a run without stages, its steps."""
        each = [stage.tokens // self.batch_tokens for stage in self.stages]
        return tuple(accumulate(each)) or (self.steps,)


def run_table(run: RunSpec) -> dict[str, Any]:
    """A run as plain values, every default written out; :func:`run_from_table` reads it."""
    # asdict() first: a None that msgspec filled in is no attribute of the instance, and to_values() would miss it
    table: dict[str, Any] = to_values(asdict(run))
    return table


def run_from_table(table: Mapping[str, Any], where: str) -> RunSpec:
    """A run from a table of a file.

    Raises:
        ConfigError: A field is missing, of the wrong type or out of limits.
        UnknownNameError: A key is no field; the text lists the nearest.
    """
    return build(RunSpec, table, where=where)


def _require_plain(value: Any, where: str, null: bool) -> None:
    """Check that a table holds only what both TOML and JSON can.

    Raises:
        ConfigError: A key is no text or is called ``null``, a number is not finite, or a null stands where it
            cannot be written.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            require(isinstance(key, str) and key != NULL, where, f'of fields not called "{NULL}"', repr(key))
            if item is not None:
                _require_plain(item, f"{where}.{key}", null)
            elif not null:
                raise ConfigError(f"{where}.{key}: must be left out rather than null")
    elif isinstance(value, list):
        for item in value:
            require(item is not None, where, "a list without nulls", "null")
            _require_plain(item, where, null)
    elif isinstance(value, float):
        require(math.isfinite(value), where, "a finite number (leave out a limit that nothing reaches)", value)
    else:
        require(isinstance(value, str | int), where, "text, a number, true, false, a list or a table", repr(value))
