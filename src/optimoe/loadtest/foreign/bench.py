"""Results of ``vllm bench serve`` and of SGLang's ``bench_serving``, which share their words."""

import math
import re
from statistics import median
from typing import Any

from optimoe.core.errors import ConfigError, shown
from optimoe.loadtest.foreign.level import ForeignLevel
from optimoe.loadtest.foreign.tables import Table, degree, inner, known, needed, number, tokens

STATED = ("gpu", "engine", "engine_version", "precision", "kv_precision", "num_gpus", "tp", "ep", "pp", "dp")
"""Fields of a record that ``vllm bench serve --metadata NAME=VALUE`` may have put into the file."""
COUNTS = STATED[5:]

AGREEING = 0.02
"""Relative difference of a median from the one of the requests beside it, by rounding and interpolation."""


def is_vllm(table: Table) -> bool:
    """Whether a table is a result of ``vllm bench serve``, or of this package."""
    return "median_ttft_ms" in table and "model_id" in table


def is_sglang(table: Table) -> bool:
    """Whether a table is a result of SGLang's ``bench_serving``."""
    return "median_ttft_ms" in table and "total_output_tokens_retokenized" in table


def read_vllm(where: str, table: Table) -> ForeignLevel:
    """A result of ``vllm bench serve --save-result``, plain or with ``--save-detailed``.

    Raises:
        ConfigError: A value is no number, a metadata of a count is none, or requests and medians disagree.
    """
    facts = {name: table[name] for name in STATED if isinstance(table.get(name), str | int)}
    for name in COUNTS:
        if name in facts:
            facts[name] = _count(where, name, facts[name])
    facts |= known(model=str(table["model_id"]), measured_utc=_date(where, table.get("date")))
    failed = number(where, table, "failed")
    return _level(where, table, facts, "vllm bench serve", "mean_e2el_ms", failed)


def read_sglang(where: str, table: Table) -> ForeignLevel:
    """A line of the file that SGLang's ``bench_serving`` appends to; newer releases tell of the server in it.

    SGLang's tp counts all GPUs of a stage, of which attention with ``dp`` ranks has tp/dp each; without such
    attention dp is the number of whole replicas.

    Raises:
        ConfigError: A value is no number, or requests and medians disagree.
    """
    server = inner(table, "server_info")
    engine = str(inner(table, "backend") or "").partition("-")[0]
    facts = known(
        engine=engine if engine in ("sglang", "vllm", "lmdeploy") else "",
        engine_version=inner(server, "version"),
        model=inner(server, "served_model_name") or inner(server, "model_path"),
    )
    if not math.isnan(number(where, server, "tp_size")):
        dp = degree(where, server, "dp_size")
        shared = dp if inner(server, "enable_dp_attention") is True else 1
        facts |= {"tp": degree(where, server, "tp_size") // shared, "dp": dp}
        facts |= {"pp": degree(where, server, "pp_size"), "ep": degree(where, server, "ep_size")}
    return _level(where, table, facts, "SGLang bench_serving", "mean_e2e_latency_ms", math.nan)


def _level(where: str, table: Table, facts: dict[str, Any], tool: str, e2e: str, failed: float) -> ForeignLevel:
    """What both tools tell in the same words."""
    completed, duration_s = needed(where, table, "completed"), needed(where, table, "duration")
    if completed < 1:
        raise ConfigError(f"{where}: completed: must be 1 or more, got {completed:g}")
    rate, stated = table.get("request_rate"), number(where, table, "max_concurrency")
    endless = rate in ("inf", math.inf)
    sent = completed + _or(failed, 0)
    in_flight = number(where, table, e2e) / 1e3 * completed / duration_s if duration_s > 0 else math.nan
    concurrency = stated if endless and not math.isnan(stated) else sent if endless else in_flight
    lengths = _lengths(where, table)
    also = f", {failed:.0f} of {sent:.0f} requests failed" if failed > 0 else ""
    facts |= known(
        input_tokens=tokens(number(where, table, "total_input_tokens") / completed),
        output_tokens=tokens(number(where, table, "total_output_tokens") / completed),
        concurrency=concurrency if math.isnan(concurrency) else max(1.0, concurrency),
    )
    facts |= {
        "ttft_s": needed(where, table, "median_ttft_ms") / 1e3,
        "tpot_s": needed(where, table, "median_tpot_ms") / 1e3,
        "fixed_lengths": bool(lengths) and len(set(lengths)) == 1,
        "source": f"{tool}, {where}{also}",
    }
    _require_agreeing(where, table, facts["ttft_s"])
    return ForeignLevel(where=where, facts=facts, completed=completed, duration_s=duration_s, is_closed=endless)


def _lengths(where: str, table: Table) -> list[tuple[float, float]]:
    """Tokens of prompt and answer of each request that was answered, where the file lists requests."""
    prompts, answers, ttfts = (_list(where, table, name) for name in ("input_lens", "output_lens", "ttfts"))
    return [(prompt, answer) for prompt, answer, ttft in zip(prompts, answers, ttfts, strict=False) if ttft > 0]


def _require_agreeing(where: str, table: Table, ttft_s: float) -> None:
    """Check the median against the requests beside it, which are in seconds."""
    listed = [ttft for ttft in _list(where, table, "ttfts") if ttft > 0]
    if listed and abs(median(listed) - ttft_s) > AGREEING * ttft_s:
        ours = f"{1e3 * median(listed):.4g} ms"
        raise ConfigError(f"{where}: median_ttft_ms: must be that of ttfts, {ours}, got {1e3 * ttft_s:.4g}")


def _list(where: str, table: Table, name: str) -> list[float]:
    value = table.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
        raise ConfigError(f"{where}: {name}: must be a list of numbers, got {shown(repr(value))}")
    return value


def _count(where: str, name: str, value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise ConfigError(f"{where}: {name}: must be a whole number, got {shown(repr(value))}") from None


def _date(where: str, value: Any) -> str:
    """The date of vLLM, ``20260131-120000``, or one in ISO 8601, as the latter."""
    text = str(value or "")
    parts = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)", text)
    return "{}-{}-{}T{}:{}:{}".format(*parts.groups()) if parts else text


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value
