"""Measured latencies of a served model: one record a deployment and load, as JSON lines.

The meeting point of what measures (an engine under load) and what learns from it (the calibration of costs).
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optimoe.core.config import build
from optimoe.core.errors import ConfigError, InputError, require, require_date, require_positive, shown
from optimoe.core.files import write_text
from optimoe.core.files.reading import Source, parse_object, placed_lines

LONGEST_S = 24 * 3600.0
"""A latency above this is not in seconds."""

_FIELD = re.compile(r"`\$?\.?(\w+)`$")


@dataclass(frozen=True, kw_only=True)
class LatencyRecord:
    """One deployment under one steady load.

    Attributes:
        model: Catalog name, ``config.json``, or the folder that holds one.
        gpu: Accelerator, by name or by TOML file.
        num_gpus: tp · pp · dp.
        engine: vllm, sglang, trtllm, …
        engine_version: As the engine prints it.
        measured_utc: Date or date and time, ISO 8601.
        precision: Of the weights: bf16, fp8, int8, int4, mxfp4, nvfp4; auto is the checkpoint's own.
        expert_precision, attention_precision, embedding_precision, head_precision, activation_precision: Of these
            parts, where they are in another; auto is as ``precision`` says.
        kv_precision: Of the cache; auto is what the engine takes.
        tp: Tensor-parallel degree of the attention.
        ep: Expert-parallel degree, a divisor of tp · dp.
        pp: Pipeline stages.
        dp: Copies of the attention that share the experts, or whole replicas where ep is 1.
        input_tokens: Prompt of a request.
        output_tokens: Answer of a request.
        concurrency: Requests in flight over the whole deployment.
        ttft_s: Median time to first token.
        tpot_s: Median of (e2e − TTFT)/(output − 1).
        fixed_lengths: All requests had these lengths; otherwise lengths varied around them.
        rounds: Requests that followed each other in each place, all places filling at once: prompts over
            concurrency.
        source: Where the record comes from, for people.

    Raises:
        ConfigError: A value is out of its limits; the text names the field, the limit and the value.
    """

    model: str
    gpu: str
    num_gpus: int
    engine: str
    engine_version: str
    measured_utc: str
    input_tokens: int
    output_tokens: int
    concurrency: float
    ttft_s: float
    tpot_s: float
    precision: str = "bf16"
    expert_precision: str = "auto"
    attention_precision: str = "auto"
    embedding_precision: str = "auto"
    head_precision: str = "auto"
    activation_precision: str = "auto"
    kv_precision: str = "bf16"
    tp: int = 1
    ep: int = 1
    pp: int = 1
    dp: int = 1
    fixed_lengths: bool = False
    rounds: float = 10.0
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("model", "gpu", "engine", "engine_version", "precision", "kv_precision"):
            require(getattr(self, name).strip(), name, "given", repr(getattr(self, name)))
        require_positive(self, "num_gpus", "tp", "ep", "pp", "dp", "input_tokens")
        require(1 <= self.rounds < math.inf, "rounds", "at least 1 and finite", self.rounds)
        require(self.output_tokens >= 2, "output_tokens", "at least 2", self.output_tokens)
        require(1 <= self.concurrency < math.inf, "concurrency", "at least 1 and finite", self.concurrency)
        for name in ("ttft_s", "tpot_s"):
            value = getattr(self, name)
            require(0 < value < LONGEST_S, name, f"in seconds, above 0 and below {LONGEST_S:.0f}", value)
        gpus = self.tp * self.pp * self.dp
        require(gpus == self.num_gpus, "num_gpus", f"tp · pp · dp = {gpus}", self.num_gpus)
        require((self.tp * self.dp) % self.ep == 0, "ep", f"a divisor of tp · dp = {self.tp * self.dp}", self.ep)
        require_date(self, "measured_utc")

    @property
    def date(self) -> str:
        """The day of the measurement."""
        return self.measured_utc[:10]


def load_latency_records(path: Path) -> tuple[LatencyRecord, ...]:
    """Read records, one JSON object a line; empty lines are skipped.

    Raises:
        InputError: The file cannot be read or holds none.
        ConfigError: A line is no record: ``FILE:LINE: field: limit, got value``.
    """
    records = tuple(_record(where, line) for where, line in placed_lines(Source.open(path)))
    if not records:
        raise InputError(f"{path}: holds no records")
    return records


def save_latency_records(path: Path, records: Iterable[LatencyRecord]) -> None:
    """Write records, one JSON object a line.

    Raises:
        InputError: The place cannot be written.
    """
    write_text(path, "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records))


def _record(where: str, line: str) -> LatencyRecord:
    table = parse_object(line, where)
    try:
        return build(LatencyRecord, table, where="record")
    except InputError as error:
        raise ConfigError(f"{where}: {_named(str(error).removeprefix('record: '), table)}") from None


def _named(text: str, table: dict[str, Any]) -> str:
    """A message that ends with a field's path as one that begins with the field and ends with its value."""
    field = _FIELD.search(text)
    if field is None or field[1] not in table:
        return text
    expected = text[: field.start()].removesuffix(" - at ").rstrip()
    return f"{field[1]}: {expected[0].lower()}{expected[1:]}: {shown(json.dumps(table[field[1]]))}"
