"""One level of load in figures, with the keys that vLLM's benchmark gives them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optimoe.core.records import to_record
from optimoe.loadtest.results.quantiles import Quantiles
from optimoe.loadtest.results.timing import TokenSource
from optimoe.loadtest.workload import Arriving, ClosedLoop

Steadiness = Literal["steady", "drifting", "unjudged"]
"""Of the latencies from the first to the last measured request; ``unjudged`` where there are too few of them, or
they were those of a trace, or all sent at once."""

UNKNOWN = math.nan
"""A figure that was not measured, or that a file does not state."""


@dataclass(frozen=True, kw_only=True)
class ClientLoad:
    """How busy the client itself was: where it is the limit, figures are its own and not the server's.

    Attributes:
        cpu_share: CPU seconds of the client's process over seconds of the level; its event loop has one core.
        delay_median_s, delay_p99_s: How long bytes lay ready before the client read them.
        stamped_by: Who stamps bytes: the kernel as they come in, so that no latency holds that delay, or the poll
            of the client that finds them.
        late_median_s, late_p99_s: Delay of sending behind the time at which a request was due.
    """

    cpu_share: float = UNKNOWN
    delay_median_s: float = UNKNOWN
    delay_p99_s: float = UNKNOWN
    stamped_by: Literal["kernel", "poll"] = "poll"
    late_median_s: float = UNKNOWN
    late_p99_s: float = UNKNOWN


@dataclass(frozen=True, kw_only=True)
class LevelSummary:
    """One level of load. Latencies are of measured requests that were answered.

    Attributes:
        tool: What measured: optimoe, vllm, sglang, …
        measured_utc: Date and time of its beginning, ISO 8601.
        model: Name of the model at the server.
        api: The path that was asked, ``completions`` or ``chat``; empty where it is not known.
        load: How requests came.
        completed: Measured requests that were answered.
        failed: Measured requests that were not.
        errors: Number of the failed by kind.
        duration_s: The time in which throughputs are counted.
        total_input_tokens, total_output_tokens: Of the completed requests.
        request_throughput: Requests that ended in the duration, per second.
        request_goodput: Of these, the ones within the limits, per second; equal to the throughput without limits.
        within_limits: Share of the completed and failed requests that were answered within the limits.
        output_throughput: Tokens of answers that came in the duration, per second.
        total_token_throughput: The same with the tokens of the prompts.
        ttft, tpot, itl, e2e: Seconds: time to first token, (last − first)/(tokens − 1) of each request, gaps
            between chunks, sending to last token.
        chunks_per_token: Chunks over tokens of the completed requests; below 1 where a chunk holds several.
        token_source: Who counted the tokens; ``chunks`` as soon as one request had to be counted so.
        reconnects: Requests sent again because a kept connection was closed.
        client: How busy the client was.
        steadiness: Whether latencies were the same from the first to the last measured request.
        num_before: Requests before the measured ones, with which the load filled.
        settled_after: Measured requests that were left out as the load had not settled.
        fixed_lengths: Whether all requests were asked for with the same lengths.
        notes: What must be known of these figures, a line each.
    """

    tool: str
    measured_utc: str
    model: str
    api: str = ""
    load: Arriving = field(default_factory=lambda: ClosedLoop(concurrency=1))
    completed: int = 0
    failed: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    duration_s: float = UNKNOWN
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    request_throughput: float = UNKNOWN
    request_goodput: float = UNKNOWN
    within_limits: float = UNKNOWN
    output_throughput: float = UNKNOWN
    total_token_throughput: float = UNKNOWN
    ttft: Quantiles
    tpot: Quantiles
    itl: Quantiles
    e2e: Quantiles
    chunks_per_token: float = UNKNOWN
    token_source: TokenSource = "usage"
    reconnects: int = 0
    client: ClientLoad = field(default_factory=ClientLoad)
    steadiness: Steadiness = "unjudged"
    num_before: int = 0
    settled_after: int = 0
    fixed_lengths: bool = False
    notes: tuple[str, ...] = ()

    @property
    def mean_input_tokens(self) -> float:
        """Tokens of a prompt, over the completed requests."""
        return self.total_input_tokens / self.completed if self.completed else UNKNOWN

    @property
    def mean_output_tokens(self) -> float:
        """Tokens of an answer, over the completed requests."""
        return self.total_output_tokens / self.completed if self.completed else UNKNOWN


DEFINITIONS = {
    "ttft": "time to first token: from the sending of a request to the first event that carries text",
    "tpot": "time per output token: (last − first)/(tokens − 1) of each request, tokens as the server counts",
    "itl": "gaps between events that carry text, of all requests together",
    "e2el": "from the sending of a request to the last event that carries text",
    "percentiles": "of measured requests that were answered; [low, high] holds the percentile in 95 of 100 cases",
    "output_throughput": "tokens of all answers between the first sending and the last end, a second",
    "request_goodput": "requests within the limits on TTFT and TPOT, a second",
}
"""What the figures of a level mean, said beside them wherever they are written."""


def vllm_table(summary: LevelSummary) -> dict[str, Any]:
    """The figures by the names that ``vllm bench serve --save-result`` writes, times in milliseconds.

    Under ``optimoe`` stands what that vocabulary has no name for. A figure that is not known is null.
    """
    load = summary.load
    table: dict[str, Any] = {
        "date": summary.measured_utc,
        "backend": "openai-chat" if summary.api == "chat" else "openai",
        "model_id": summary.model,
        "num_prompts": summary.completed + summary.failed,
        "request_rate": "inf" if isinstance(load, ClosedLoop) else load.rate_per_s,
        "burstiness": 1.0 if isinstance(load, ClosedLoop) else load.burstiness,
        "max_concurrency": load.concurrency if isinstance(load, ClosedLoop) else None,
        "duration": summary.duration_s,
        **{name: getattr(summary, name) for name in _SAME},
    }
    for name, key in LATENCIES.items():
        found: Quantiles = getattr(summary, name)
        table |= {
            f"mean_{key}_ms": 1e3 * found.mean,
            f"median_{key}_ms": 1e3 * found.median,
            f"std_{key}_ms": 1e3 * found.std,
        }
        table |= {f"p{one.percent:g}_{key}_ms": 1e3 * one.value for one in found.percentiles if one.percent != 50}
    ours = {name: getattr(summary, name) for name in _OURS}
    ours["intervals_ms"] = {
        key: {f"p{one.percent:g}": [1e3 * one.low, 1e3 * one.high] for one in getattr(summary, name).percentiles}
        for name, key in LATENCIES.items()
    }
    plain: dict[str, Any] = to_record(table | {"optimoe": ours | {"definitions": DEFINITIONS}})
    return plain


LATENCIES = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2el"}
"""The latencies of a level, and what vLLM's benchmark calls them."""

_SAME = (
    "completed", "failed", "total_input_tokens", "total_output_tokens", "request_throughput", "request_goodput",
    "output_throughput", "total_token_throughput",
)  # fmt: skip

_OURS = (
    "tool", "api", "errors", "within_limits", "chunks_per_token", "token_source", "reconnects", "client",
    "steadiness", "num_before", "settled_after", "fixed_lengths", "notes",
)  # fmt: skip
