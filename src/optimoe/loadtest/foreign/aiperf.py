"""Results of aiperf: ``profile_export_aiperf.json``, by its docs (JSON Export Schema, 1.0 to 1.5)."""

import math
from collections.abc import Mapping
from typing import Any

from optimoe.loadtest.foreign.level import ForeignLevel
from optimoe.loadtest.foreign.tables import Table, inner, known, needed, number, seconds, tokens


def is_aiperf(table: Table) -> bool:
    """Whether a table is a result of aiperf."""
    return "aiperf_version" in table or ("input_config" in table and "request_latency" in table)


def read_aiperf(where: str, table: Table) -> ForeignLevel:
    """A profile of aiperf. Its inter-token latency is (latency − TTFT)/(tokens − 1) of each request, our TPOT.

    Raises:
        ConfigError: A value is no number, or its unit is none of time.
    """
    completed = number(where, table, "request_count", "avg")
    failed = number(where, table, "error_request_count", "avg")
    also = f", {failed:.0f} requests failed" if failed > 0 else ""
    also += ", cancelled" if table.get("was_cancelled") is True else ""
    facts = known(
        model=_model(table),
        measured_utc=str(table.get("start_time") or ""),
        input_tokens=tokens(number(where, table, "input_sequence_length", "avg")),
        output_tokens=tokens(number(where, table, "output_sequence_length", "avg")),
        concurrency=_concurrency(where, table),
    )
    facts |= {
        "ttft_s": _time(where, table, "time_to_first_token", "p50"),
        "tpot_s": _time(where, table, "inter_token_latency", "p50"),
        "fixed_lengths": all(_is_fixed(where, table, name) for name in ("input", "output")),
        "source": f"aiperf {table.get('aiperf_version') or ''}, {where}{also}".replace(" ,", ","),
    }
    duration = number(where, table, "benchmark_duration", "avg")
    return ForeignLevel(
        where=where,
        facts=facts,
        completed=0.0 if math.isnan(completed) else completed,
        duration_s=0.0 if math.isnan(duration) else _time(where, table, "benchmark_duration", "avg"),
        is_closed=math.isnan(number(where, table, "input_config", "loadgen", "request_rate")),
    )


def _time(where: str, table: Table, name: str, statistic: str) -> float:
    """A statistic of a metric in seconds; its unit stands beside it."""
    return seconds(f"{where}: {name}", needed(where, table, name, statistic), str(inner(table, name, "unit")))


def _is_fixed(where: str, table: Table, name: str) -> bool:
    ends = [number(where, table, f"{name}_sequence_length", end) for end in ("min", "max")]
    return ends[0] == ends[1]


def _concurrency(where: str, table: Table) -> float:
    """Requests in flight: of the sweep's point, of the flags, or of the phase that was profiled."""
    varied = inner(table, "run_info", "variation_values")
    for name in varied if isinstance(varied, Mapping) else ():
        if name.rpartition(".")[2] == "concurrency":
            return number(where, varied, name)
    phases: Any = inner(table, "input_config", "phases")
    listed = phases.items() if isinstance(phases, Mapping) else [(inner(one, "name"), one) for one in phases]
    found = [number(where, phase, "concurrency") for name, phase in listed if name != "warmup"]
    found.append(number(where, table, "input_config", "loadgen", "concurrency"))
    return next((one for one in found if not math.isnan(one)), math.nan)


def _model(table: Table) -> str:
    names = inner(table, "input_config", "endpoint", "model_names") or inner(table, "input_config", "models")
    first = names[0] if isinstance(names, list) and names else names
    return first if isinstance(first, str) else str(inner(first, "name") or "")
