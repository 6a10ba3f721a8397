"""Results of guidellm: ``benchmarks.json``, a report of several levels."""

from typing import Any

from optimoe.loadtest.foreign.level import ForeignLevel
from optimoe.loadtest.foreign.tables import Table, inner, known, needed, number, tokens, utc


def is_guidellm(table: Table) -> bool:
    """Whether a table is a report of guidellm."""
    first = inner(table, "benchmarks", 0, "metrics")
    return bool(inner(first, "time_to_first_token_ms"))


def read_guidellm(where: str, table: Table) -> tuple[ForeignLevel, ...]:
    """The levels of a report. Its inter-token latency is (last − first)/(tokens − 1) of each request, our TPOT.

    Raises:
        ConfigError: A value is no number.
    """
    model = str(inner(table, "args", "model") or inner(table, "metadata", "args", "model") or "")
    levels = inner(table, "benchmarks")
    return tuple(_level(f"{where}: benchmarks.{place}", level, model) for place, level in enumerate(levels))


def _level(where: str, level: Table, model: str) -> ForeignLevel:
    metrics = inner(level, "metrics")
    streams, is_closed = _streams(where, level)

    def good(name: str, statistic: str) -> float:
        return number(where, metrics, name, "successful", statistic)

    facts = known(
        model=model,
        measured_utc=utc(f"{where}: start_time", number(where, level, "start_time")),
        input_tokens=tokens(good("prompt_token_count", "mean")),
        output_tokens=tokens(good("output_token_count", "mean")),
        concurrency=max(1.0, streams),
    )
    failed = number(where, metrics, "request_totals", "errored")
    facts |= {
        "ttft_s": needed(where, metrics, "time_to_first_token_ms", "successful", "median") / 1e3,
        "tpot_s": needed(where, metrics, "inter_token_latency_ms", "successful", "median") / 1e3,
        "fixed_lengths": all(good(f"{name}_token_count", "std_dev") == 0 for name in ("prompt", "output")),
        "source": f"guidellm, {where}" + (f", {failed:.0f} requests failed" if failed > 0 else ""),
    }
    completed, duration_s = (
        number(where, metrics, "request_totals", "successful"),
        number(where, level, "duration"),
    )
    told = completed == completed and duration_s == duration_s
    return ForeignLevel(
        where=where,
        facts=facts,
        completed=completed if told else 0.0,
        duration_s=duration_s if told else 0.0,
        is_closed=is_closed,
    )


def _streams(where: str, level: Table) -> tuple[float, bool]:
    """Requests in flight, and whether they were held: by the strategy, else as measured."""
    strategy: Any = inner(level, "config", "strategy") or inner(level, "args", "strategy")
    kind = inner(strategy, "type_")
    if kind == "synchronous":
        return 1.0, True
    if kind == "concurrent":
        return needed(where, strategy, "streams"), True
    return number(where, level, "metrics", "request_concurrency", "successful", "mean"), False
