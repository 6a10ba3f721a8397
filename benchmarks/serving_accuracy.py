"""How far the serving model is from measured engines: TPOT and TTFT by model and GPU.

    OPTIMOE_DATA=… python benchmarks/serving_accuracy.py

Rows: serving_e2e_hopper, single-pool deployments whose model is in the catalog, tensor parallel only, weight
precision recorded, prompts not queued (TTFT below 30 s). Error is ln(predicted/measured).
"""

import csv
import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from optimoe.arch.catalog import find_model, model_names
from optimoe.cost.accelerator import Cluster, find_accelerator
from optimoe.cost.price import given_price
from optimoe.cost.serving import Layout, predict_serving
from optimoe.cost.workload import Workload

PRECISION = {"fp8": "fp8", "fp8_block": "fp8", "bfloat16": "bf16", "bf16": "bf16", "float16": "bf16"}
QUEUED_TTFT_MS = 30_000


def predicted(row: dict[str, str], model: str, precision: str) -> tuple[float, float]:
    """TPOT and TTFT in seconds, of one data-parallel rank."""
    tp = int(float(row["tp_size"]))
    estimate = predict_serving(
        find_model(model),
        Cluster(accelerator=find_accelerator(row["system"]), num_gpus=tp),
        Workload(input_tokens=int(row["isl"]), output_tokens=int(row["osl"])),
        layout=Layout(tp=tp, dp=1),
        concurrency=float(row["batch_size"]),
        price=given_price(1.0),
        precision=precision,
    )
    return float(estimate.tpot_s), float(estimate.ttft_s)


def usable_rows() -> list[tuple[dict[str, str], str, str]]:
    """Rows with their catalog name and weight precision."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "serving_e2e_hopper" / "serving.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    usable = []
    for row in rows:
        model = row["model_path"].split("/")[-1].lower()
        precision = PRECISION.get(row["precision"] or row["gemm_quant_mode"])
        single = float(row["pp_size"] or 1) == 1 and float(row["attention_dp_size"] or 1) <= 1
        answered = float(row["silicon_ttft_ms"]) < QUEUED_TTFT_MS
        if model in model_names() and precision and single and row["batch_size"] and answered:
            usable.append((row, model, precision))
    return usable


def main() -> None:
    """Print one line per model and GPU."""
    errors: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row, model, precision in usable_rows():
        tpot_s, ttft_s = predicted(row, model, precision)
        error = (
            np.log(tpot_s / (float(row["silicon_tpot_ms"]) / 1e3)),
            np.log(ttft_s / (float(row["silicon_ttft_ms"]) / 1e3)),
        )
        errors[model, row["system"]].append(error)
        errors["all", "all"].append(error)
    print(f"{'model':<16}{'gpu':<12}{'rows':>6}   TPOT median |ln| bias  p5   p95    TTFT median |ln|  bias")
    for (model, system), pairs in sorted(errors.items()):
        tpot, ttft = np.array(pairs).T
        low, high = np.quantile(tpot, [0.05, 0.95])
        print(
            f"{model:<16}{system:<12}{len(tpot):>6}   {np.median(abs(tpot)):>15.3f}{np.median(tpot):>6.2f}"
            f"{low:>6.2f}{high:>6.2f}{np.median(abs(ttft)):>15.3f}{np.median(ttft):>8.2f}"
        )


if __name__ == "__main__":
    main()
