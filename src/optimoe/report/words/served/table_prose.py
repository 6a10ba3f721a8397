"""Yun's price by measured latency tables, in labelled lines and a table."""

import math

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.sizing.yun_prices import YunPrice, YunPrices
from optimoe.report.words.lines import Deciding, Lines, labelled

ABSENT = "–"


def yun_lines(found: YunPrices) -> Lines:
    """What is served, by which records, and the cheapest number of GPUs."""
    tables, conditions, stored = found.tables, found.tables.conditions, found.stored
    refused = [f"{one.gpus} GPUs: {one.why_not}" for one in found.prices if one.why_not]
    return [
        (
            "Model",
            f"{found.name}: N = {format_count(stored.params)} outside embeddings of the dense model of one "
            f"expert, {format_count(stored.resident)} in memory, hl = {stored.mu:.3g}·N^(2/3)",
        ),
        (
            "Records",
            f"{tables.records} of {', '.join(tables.models)} by {conditions.engine} {conditions.engine_version} "
            f"on {conditions.gpu}, {conditions.precision} weights, {conditions.kv_precision} cache; prompts of "
            f"{conditions.input_tokens:,} and answers of {conditions.output_tokens:,} tokens",
        ),
        *labelled("Left out", tables.left_out),
        (
            "A step",
            "e2e/answer of a record: prompts of others, the wait for them and the front end within; lengths are "
            "the records' own, and nothing is extrapolated",
        ),
        *labelled("No price", refused),
        (
            Deciding("Cheapest"),
            f"{found.cheapest.gpus} × {conditions.gpu}: {_usd(found.cheapest.usd_per_mtok)} per M output tokens"
            f"{', of those that have a price' if refused else ''}",
        ),
    ]


def yun_rows(found: YunPrices) -> list[tuple[str, ...]]:
    """Every number of GPUs: what the cache allows, what the table says, and the full cost model beside it."""
    by_tables = "cache allows", "in flight", "a step", "tokens/s", "USD/Mtok"
    return [("GPUs", *by_tables, "cost model: in flight", "USD/Mtok"), *(_row(one) for one in found.prices)]


def _row(one: YunPrice) -> tuple[str, ...]:
    served, model = one.by_tables, one.by_model
    by_tables, by_model = (ABSENT,) * 5, (ABSENT,) * 2
    if served is not None:
        by_tables = (
            f"{served.allowed:.0f}",
            f"{served.batch:.0f}",
            format_seconds(served.step_s),
            f"{served.tokens_per_s:,.0f}",
            _usd(one.usd_per_mtok),
        )
    if model is not None:
        by_model = (f"{model.concurrency:.0f}", _usd(float(model.usd_per_mtok)))
    return (str(one.gpus), *by_tables, *by_model)


def _usd(amount: float) -> str:
    return "no price" if math.isnan(amount) else format_usd(amount)
