"""Measured deployments whose model can be read: rows of serving_e2e_hopper with their architecture."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.hf.read import load_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import OptimoeError

PRECISION = {"fp8": "fp8", "fp8_block": "fp8", "bfloat16": "bf16", "bf16": "bf16", "float16": "bf16"}
QUEUED_TTFT_MS = 30_000

CONFIG = {
    "deepseek-r1": "deepseek-ai--DeepSeek-V3",
    "glm-5": "zai-org--GLM-5",
    "minimax-m2.5": "MiniMaxAI--MiniMax-M2.5",
    "qwen3-235b-a22b": "Qwen--Qwen3-235B-A22B",
    "qwen3-32b": "Qwen--Qwen3-32B",
}
"""Configurations of models that are not in the catalog: files of model_configs/configs."""


@dataclass(frozen=True, kw_only=True)
class ServingRow:
    """One deployment at one concurrency, tensor parallel only."""

    model: str
    arch: ArchSpec
    engine: str
    system: str
    precision: str
    tp: int
    input_tokens: int
    output_tokens: int
    batch: float
    tpot_s: float
    ttft_s: float


def serving_rows() -> list[ServingRow]:
    """Rows that the model answers for: one pool, no data- or expert-parallel split, not queued."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "serving_e2e_hopper" / "serving.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    archs: dict[str, ArchSpec | None] = {}
    kept = []
    for row in rows:
        model = row["model_path"].split("/")[-1].lower().removesuffix("-fp8").removesuffix("-instruct")
        precision = PRECISION.get(row["precision"] or row["gemm_quant_mode"])
        split = [float(row[name] or 1) for name in ("pp_size", "attention_dp_size", "moe_ep_size")]
        if precision is None or max(split) > 1 or not row["batch_size"]:
            continue
        if float(row["silicon_ttft_ms"]) >= QUEUED_TTFT_MS:
            continue
        arch = archs.setdefault(model, read_model(model))
        if arch is not None:
            kept.append(_row(row, model, arch, precision))
    return kept


def read_model(model: str) -> ArchSpec | None:
    """From the catalog or from the shipped configurations; none where neither can be read."""
    if model in model_names():
        return find_model(model)
    folder = Path(os.environ["OPTIMOE_DATA"]) / "model_configs" / "configs"
    if model not in CONFIG:
        return None
    try:
        return load_config(folder / f"{CONFIG[model]}.json")
    except OptimoeError:
        return None


def _row(row: dict[str, str], model: str, arch: ArchSpec, precision: str) -> ServingRow:
    return ServingRow(
        model=model,
        arch=arch,
        engine=row["backend"],
        system=row["system"],
        precision=precision,
        tp=int(float(row["tp_size"])),
        input_tokens=int(row["isl"]),
        output_tokens=int(row["osl"]),
        batch=float(row["batch_size"]),
        tpot_s=float(row["silicon_tpot_ms"]) / 1e3,
        ttft_s=float(row["silicon_ttft_ms"]) / 1e3,
    )
