"""JSON of ``optimoe measure``: an endpoint under load, level by level."""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.records import same_fields
from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.results.quantiles import PERCENTILES, Quantiles
from optimoe.loadtest.results.summary import DEFINITIONS, LevelSummary, Steadiness
from optimoe.loadtest.results.timing import TokenSource
from optimoe.loadtest.workload import Api, ClosedLoop


@dataclass(frozen=True, kw_only=True)
class MeasuredLatencyRecord:
    """A latency over requests, in seconds; null where nothing was measured.

    Attributes:
        count: Values.
        mean: Of them.
        std: Their standard deviation.
        p50, p90, p95, p99: Percentiles.
        intervals: Of each percentile its 95 % interval, by order statistics; null at an end that so few values do
            not bound.
    """

    count: int
    mean: float | None
    std: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    intervals: dict[str, tuple[float | None, float | None]]


@dataclass(frozen=True, kw_only=True)
class ClientLoadRecord:
    """How busy the client itself was.

    Attributes:
        cpu_share: CPU seconds of the client over seconds of the level.
        delay_median_s, delay_p99_s: How long bytes lay ready before the client read them.
        stamped_by: Who stamps bytes: the kernel as they come in, so that no latency holds that delay, or the poll
            of the client that finds them.
        late_median_s, late_p99_s: Delay of sending behind the time at which requests were due.
    """

    cpu_share: float | None
    delay_median_s: float | None
    delay_p99_s: float | None
    stamped_by: Literal["kernel", "poll"]
    late_median_s: float | None
    late_p99_s: float | None


@dataclass(frozen=True, kw_only=True)
class MeasuredLevelRecord:
    """One level of load.

    Attributes:
        measured_utc: When it began.
        concurrency: Requests in flight of a closed loop; null of an open one.
        rate_per_s: Requests a second of an open loop; null of a closed one, and where all are sent at once.
        burstiness: Shape of the gamma distribution of times between requests; null of a closed loop.
        completed: Measured requests that were answered.
        failed: Measured requests that were not.
        errors: Number of the failed by kind.
        reconnects: Requests sent again because a kept connection was closed.
        duration_s: The time in which throughputs are counted.
        total_input_tokens, total_output_tokens: Of the completed requests.
        requests_per_s: Requests that ended in the duration.
        good_requests_per_s: Those of them within the limits.
        within_limits: Share of the completed and failed requests that were answered within the limits.
        tokens_per_s: Output tokens that came in the duration.
        total_tokens_per_s: The same with the tokens of prompts.
        ttft_s: Time to first token.
        tpot_s: (last − first)/(tokens − 1) of each request.
        itl_s: Gaps between events that carry text.
        e2e_s: Sending to last token.
        chunks_per_token: Events that carry text over tokens.
        token_source: Who counted the tokens.
        steadiness: Whether latencies were the same from the first to the last measured request.
        settled_after: Measured requests left out because the load had not settled.
        client: How busy the client was.
        notes: What must be known of these figures.
    """

    measured_utc: str
    concurrency: int | None
    rate_per_s: float | None
    burstiness: float | None
    completed: int
    failed: int
    errors: dict[str, int]
    reconnects: int
    duration_s: float | None
    total_input_tokens: int
    total_output_tokens: int
    requests_per_s: float | None
    good_requests_per_s: float | None
    within_limits: float | None
    tokens_per_s: float | None
    total_tokens_per_s: float | None
    ttft_s: MeasuredLatencyRecord
    tpot_s: MeasuredLatencyRecord
    itl_s: MeasuredLatencyRecord
    e2e_s: MeasuredLatencyRecord
    chunks_per_token: float | None
    token_source: TokenSource
    steadiness: Steadiness
    settled_after: int
    client: ClientLoadRecord
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MeasurementRecord:
    """An endpoint under load.

    Attributes:
        url: Its address.
        served_model: Name of the model at the server.
        api: The API that was asked.
        engine: As the server tells; empty where it does not.
        engine_version: Likewise.
        ttft_s: Time to first token at the level with the most tokens a second.
        tpot_s: Time per output token there.
        tokens_per_s: Output tokens a second there.
        levels: Every level, in the order of measuring.
        interrupted: Whether a person ended it early.
        definitions: What the figures mean.
    """

    url: str
    served_model: str
    api: Api
    engine: str
    engine_version: str
    ttft_s: MeasuredLatencyRecord
    tpot_s: MeasuredLatencyRecord
    tokens_per_s: float | None
    levels: tuple[MeasuredLevelRecord, ...]
    interrupted: bool
    definitions: dict[str, str]


def measurement_record(found: Measurement) -> MeasurementRecord:
    """A measurement as the command prints it."""
    levels = tuple(map(level_record, found.levels))
    best = levels[found.levels.index(found.best)]
    return MeasurementRecord(
        url=found.endpoint.url,
        served_model=found.server.model,
        api=found.endpoint.api,
        engine=found.server.engine,
        engine_version=found.server.version,
        ttft_s=best.ttft_s,
        tpot_s=best.tpot_s,
        tokens_per_s=best.tokens_per_s,
        levels=levels,
        interrupted=found.interrupted,
        definitions=DEFINITIONS,
    )


def level_record(level: LevelSummary) -> MeasuredLevelRecord:
    """One level in figures."""
    load = level.load
    return same_fields(
        MeasuredLevelRecord,
        level,
        concurrency=load.concurrency if isinstance(load, ClosedLoop) else None,
        rate_per_s=None if isinstance(load, ClosedLoop) else load.rate_per_s,
        burstiness=None if isinstance(load, ClosedLoop) else load.burstiness,
        requests_per_s=level.request_throughput,
        good_requests_per_s=level.request_goodput,
        tokens_per_s=level.output_throughput,
        total_tokens_per_s=level.total_token_throughput,
        ttft_s=_latency(level.ttft),
        tpot_s=_latency(level.tpot),
        itl_s=_latency(level.itl),
        e2e_s=_latency(level.e2e),
        client=same_fields(ClientLoadRecord, level.client),
    )


def _latency(found: Quantiles) -> MeasuredLatencyRecord:
    at = {f"p{percent:g}": found.at(percent) for percent in PERCENTILES}
    return MeasuredLatencyRecord(
        count=found.count,
        mean=found.mean,
        std=found.std,
        intervals={name: (one.low, one.high) for name, one in at.items()},
        **{name: one.value for name, one in at.items()},
    )
