"""The measured deployments of serving_e2e_hopper as latency records."""

import os
from pathlib import Path

from optimoe.arch.catalog import model_names
from optimoe.core.latency import LatencyRecord
from serving_rows import CONFIG, ServingRow, answered_rows, row_deployment

LAST_CAMPAIGN = "2026-04-06"
"""Rows without a date were measured no later than the last campaign of the file."""

UNSTATED = "unstated"
"""Version of rows that name none, with their month."""


def latency_records() -> list[LatencyRecord]:
    """Rows that the serving model answers, in the order of the file."""
    return [_record(row) for row in answered_rows()]


def _record(row: ServingRow) -> LatencyRecord:
    deployment, layout = row_deployment(row), row.layout
    date = row.measured_utc[:10] or LAST_CAMPAIGN
    return LatencyRecord(
        model=_model(row.model),
        gpu=deployment.cluster.accelerator.name,
        num_gpus=row.num_gpus,
        engine=row.engine,
        engine_version=row.version or f"{UNSTATED}-{date[:7]}",
        measured_utc=date,
        precision=row.precision,
        kv_precision=deployment.engine.execution.kv_precision,
        tp=layout.tp,
        ep=layout.ep,
        pp=layout.pp,
        dp=layout.dp,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        concurrency=row.batch * layout.dp,
        ttft_s=row.ttft_s,
        tpot_s=row.tpot_s,
        fixed_lengths=deployment.workload.fixed_lengths,
        rounds=deployment.workload.rounds,
        source="ai-dynamo/aiconfigurator@095f58a, silicon_sample.csv",
    )


def _model(name: str) -> str:
    """How ``find_model`` finds it."""
    if name in model_names():
        return name
    return str(Path(os.environ["OPTIMOE_DATA"]) / "model_configs" / "configs" / f"{CONFIG[name]}.json")
