"""The measured deployments of serving_e2e_hopper as latency records."""

import os
from pathlib import Path

from optimoe.arch.catalog import model_names
from optimoe.core.errors import OptimoeError
from optimoe.core.latency import LatencyRecord
from serving_peers import measured_rows, questions
from serving_rows import CONFIG, read_model

LAST_CAMPAIGN = "2026-04-06"
"""Rows without a date were measured no later than the last campaign of the file."""

UNSTATED = "unstated"
"""Version of rows that name none, with their month."""


def latency_records() -> list[LatencyRecord]:
    """Rows whose model can be read, in the order of the file."""
    rows = measured_rows()
    pairs = zip(rows, questions(rows), strict=True)
    records = (_record(row, question) for row, question in pairs if question["weights"])
    return [record for record in records if record is not None]


def _record(row: dict[str, str], question: dict) -> LatencyRecord | None:
    model = _model(question["model"])
    if model is None:
        return None
    date = row["measured_utc"][:10] or LAST_CAMPAIGN
    return LatencyRecord(
        model=model,
        gpu=row["system"].replace("_", "-").removesuffix("-sxm") + "-sxm",
        num_gpus=question["tp"] * question["pp"] * question["dp"],
        engine=row["backend"],
        engine_version=row["backend_version"] or f"{UNSTATED}-{date[:7]}",
        measured_utc=date,
        precision=question["weights"],
        tp=question["tp"],
        ep=question["moe_ep"],
        pp=question["pp"],
        dp=question["dp"],
        input_tokens=question["input_tokens"],
        output_tokens=question["output_tokens"],
        concurrency=question["batch"] * question["dp"],
        ttft_s=float(row["silicon_ttft_ms"]) / 1e3,
        tpot_s=float(row["silicon_tpot_ms"]) / 1e3,
        source="ai-dynamo/aiconfigurator@095f58a, silicon_sample.csv",
    )


def _model(name: str) -> str | None:
    """How ``find_model`` finds it; none where it cannot be read."""
    if name in model_names():
        return name
    if name not in CONFIG:
        return None
    try:
        read_model(name)
    except OptimoeError:
        return None
    return str(Path(os.environ["OPTIMOE_DATA"]) / "model_configs" / "configs" / f"{CONFIG[name]}.json")
