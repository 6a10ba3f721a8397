"""Levels of load as the latency records that the serving model is calibrated on."""

import math
from dataclasses import dataclass

from optimoe.core.errors import InputError, require_text, require_types
from optimoe.core.latency import LatencyRecord
from optimoe.loadtest.results.summary import LevelSummary
from optimoe.loadtest.workload import ClosedLoop


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """What was measured, as only the one who serves it knows.

    Attributes:
        model: Catalog name, ``config.json``, or the folder that holds one.
        gpu: Accelerator, by name or by TOML file.
        engine, engine_version: As the engine calls itself.
        num_gpus: tp · pp · dp.
        precision, kv_precision: Of the weights and of the cache.
        tp, ep, pp, dp: Degrees of parallelism.
        source: Where the measurement comes from, for people.

    Raises:
        ConfigError: A text is empty.
    """

    model: str
    gpu: str
    engine: str
    engine_version: str
    num_gpus: int = 1
    precision: str = "bf16"
    kv_precision: str = "bf16"
    tp: int = 1
    ep: int = 1
    pp: int = 1
    dp: int = 1
    source: str = ""

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "model", "gpu", "engine", "engine_version")


def latency_record(summary: LevelSummary, served: ServedModel) -> LatencyRecord:
    """A level as a record: medians of TTFT and TPOT at the mean lengths.

    The concurrency is that of a closed loop; else the mean number in flight by Little's law, requests a second
    times their mean time.

    Raises:
        InputError: The level has no such figures: nothing was answered, or the server counts no tokens.
        ConfigError: A figure is out of the limits of a record.
    """
    load, count = summary.load, summary.completed + summary.failed
    if not summary.completed:
        raise InputError("out: no request of a level was answered, so that there is no latency to record")
    if not summary.total_input_tokens:
        raise InputError("out: the server does not count the tokens of prompts, without which there is no record")
    if math.isnan(summary.tpot.median):
        raise InputError(
            "out: no answer of a level came in two chunks or more, so that there is no TPOT to record"
        )
    if isinstance(load, ClosedLoop):
        concurrency = float(load.concurrency)
    else:
        concurrency = max(1.0, summary.request_throughput * summary.e2e.mean)
    return LatencyRecord(
        **vars(served),
        measured_utc=summary.measured_utc,
        input_tokens=max(1, round(summary.mean_input_tokens)),
        output_tokens=round(summary.mean_output_tokens),
        concurrency=concurrency,
        ttft_s=summary.ttft.median,
        tpot_s=summary.tpot.median,
        fixed_lengths=summary.fixed_lengths,
        rounds=max(1.0, (summary.num_before + summary.settled_after + count) / concurrency),
    )
