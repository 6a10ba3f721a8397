"""An endpoint under load in labelled lines and a table."""

import math
from collections import Counter
from collections.abc import Sequence

from optimoe.core.latency import LatencyRecord
from optimoe.core.units import format_seconds
from optimoe.loadtest.results.measurement import Measurement
from optimoe.loadtest.results.quantiles import Percentile
from optimoe.loadtest.results.summary import DEFINITIONS, LevelSummary
from optimoe.loadtest.workload import ClosedLoop, LoadPlan, TokenLengths
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table, labelled


def measured_blocks(found: Measurement) -> Blocks:
    """What was asked, every level in a row, percentiles with their intervals, and what must be known of them."""
    return [asked_lines(found), levels_table(found), percentiles_table(found), known_lines(found)]


def measured_sentence(found: Measurement) -> str:
    """The level with the most tokens a second, and its latencies."""
    best = found.best
    times = [format_seconds(one.median) for one in (best.ttft, best.tpot)]
    return (
        f"{found.server.model} gives up to {_number(best.output_throughput)} tokens/s, at {load_words(best)}: "
        f"TTFT {times[0]} and TPOT {times[1]} in the median."
    )


def foreign_blocks(records: Sequence[LatencyRecord], out: str) -> Blocks:
    """Every level in a row, and where they were written."""
    heads = ("Model", "engine", "GPUs", "weights", "in", "out", "in flight", "TTFT", "TPOT", "date")
    rows = [heads, *map(_record_cells, records)]
    written: Blocks = [[("Written", f"{out}, {len(records)} records")]] if out else []
    return [
        Table(
            rows=rows,
            title="Medians of each level",
            spare=("weights", "date"),
            words=("engine", "GPUs", "weights"),
            decides=True,
        ),
        *written,
    ]


def _record_cells(one: LatencyRecord) -> tuple[str, ...]:
    lengths = (f"{one.input_tokens:,}", f"{one.output_tokens:,}", f"{one.concurrency:.4g}")
    times = (format_seconds(one.ttft_s), format_seconds(one.tpot_s))
    deployed = (f"{one.engine} {one.engine_version}", f"{one.num_gpus}x{one.gpu}", one.precision)
    return (one.model, *deployed, *lengths, *times, one.date)


def asked_lines(found: Measurement) -> Lines:
    """What was asked, and of which endpoint."""
    server, plan = found.server, found.plan
    engine = f" on {server.engine} {server.version}".rstrip() if server.engine else ""
    until = (
        f"requests of {format_seconds(plan.duration_s)}" if plan.duration_s else f"{plan.num_requests:,} requests"
    )
    asked = f"{_lengths(plan.input_lengths)} in, {_lengths(plan.output_lengths)} out, {until} a level"
    return [
        ("Endpoint", f"{server.model}{engine} at {found.endpoint.url}, {found.endpoint.api}"),
        ("Asked", asked),
    ]


def _lengths(lengths: TokenLengths) -> str:
    if lengths.kind == "listed":
        return f"{len(lengths.listed):,} listed lengths"
    if lengths.kind == "uniform":
        return f"{lengths.low:,}–{lengths.high:,} tokens"
    spread = f" ± {lengths.std:,.0f} ({lengths.kind})" if lengths.kind != "fixed" else ""
    return f"{lengths.mean:,.0f}{spread} tokens"


def levels_table(found: Measurement) -> Table:
    """Every level in a row, in medians."""
    heads = ["Load", "answered", "failed", "requests/s", "tokens/s", "TTFT", "TPOT", "gap", "e2e"]
    limited = is_limited(found.plan)
    heads[4:4] = ["good/s", "within limits"] if limited else []
    rows = [tuple(heads)]
    for level in found.levels:
        speeds = [_number(level.request_throughput)]
        speeds += [_number(level.request_goodput), _share(level.within_limits)] if limited else []
        times = [format_seconds(one.median) for one in (level.ttft, level.tpot, level.itl, level.e2e)]
        counts = [f"{level.completed:,}", f"{level.failed:,}"]
        rows.append((load_words(level), *counts, *speeds, _number(level.output_throughput), *times))
    return Table(rows=rows, title="Medians of each level", spare=("gap", "e2e"), decides=True)


def percentiles_table(found: Measurement) -> Table:
    """Percentiles of the two latencies, each with its interval."""
    heads = ("Load", *(f"{name} p{percent}" for name in ("TTFT", "TPOT") for percent in (50, 90, 99)))
    rows = [heads]
    for level in found.levels:
        cells = [_interval(one.at(percent)) for one in (level.ttft, level.tpot) for percent in (50.0, 90.0, 99.0)]
        rows.append((load_words(level), *cells))
    return Table(rows=rows, title="Percentiles and their 95 % intervals, ms", spare=("TTFT p90", "TPOT p90"))


def known_lines(found: Measurement) -> Lines:
    """What the figures mean, what the client did to them, errors, and what to be careful of."""
    careful = [f"{load_words(level)}: {note}" for level in found.levels for note in level.notes]
    errors = Counter[str]()
    for level in found.levels:
        errors.update(level.errors)
    told = ", ".join(f"{count:,} {kind}" for kind, count in errors.most_common())
    again = sum(level.reconnects for level in found.levels)
    reopened = [f"{again:,} sent again over a new connection, the kept one was closed"] if again else []
    busiest = max(found.levels, key=lambda level: level.client.cpu_share)
    client = busiest.client
    delays = f"{format_seconds(client.delay_median_s)} at the median, {format_seconds(client.delay_p99_s)} at p99"
    how = "no latency holds that" if client.stamped_by == "kernel" else "latencies hold that"
    busy = f"used {client.cpu_share:.0%} of a core at most; bytes waited for it {delays} ({how})"
    meant = [f"{name.upper()}: {DEFINITIONS[name]}" for name in ("ttft", "tpot")]
    return [
        *labelled("Errors", [told] if told else []),
        *labelled("Reconnects", reopened),
        ("Client", busy),
        *labelled("Meaning", [*meant, f"Percentiles: {DEFINITIONS['percentiles']}"]),
        *((Deciding(label), text) for label, text in labelled("Careful", careful)),
    ]


def is_limited(plan: LoadPlan) -> bool:
    """Whether there are limits on latency."""
    return plan.ttft_s < math.inf or plan.tpot_s < math.inf


def load_words(level: LevelSummary) -> str:
    """How requests of a level came, in a few words."""
    load = level.load
    if isinstance(load, ClosedLoop):
        return f"{load.concurrency} in flight"
    if load.times_s:
        return "trace"
    if load.is_at_once:
        return "all at once"
    bursts = f", burstiness {load.burstiness:g}" if load.burstiness != 1 else ""
    return f"{load.rate_per_s:g}/s{bursts}"


def _interval(one: Percentile) -> str:
    if math.isnan(one.value):
        return "–"
    low, high = (f"{1e3 * end:.3g}" if math.isfinite(end) else "?" for end in (one.low, one.high))
    return f"{1e3 * one.value:.3g} [{low}, {high}]"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0%}"
