"""Measured routed experts as families."""

from typing import Any

import numpy as np

from kernel_data import COMMON, SIZE, Family, flat_s, shape_names
from kernel_tables import ROWS, Source, tables, where
from optimoe.arch.traffic import expected_distinct_experts
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import RoutedExperts
from optimoe.cost.kernels.curve import KernelCurve
from optimoe.cost.kernels.experts import experts_s
from optimoe.cost.kernels.spread import balanced, power_law

TYPES = {"bf16": "bfloat16", "fp8": "fp8", "fp8_block": "fp8_block", "int4": "int4_wo"}


def expert_families() -> list[Family]:
    """Routed experts of every kind."""
    measured = tables("moe", "moe_perf")
    return [_experts(kind, dtype, measured) for kind, dtype in TYPES.items()]


def _experts(kind: str, dtype: str, measured: dict[Source, ROWS]) -> Family:
    precision = "fp8" if kind == "fp8_block" else kind

    def predict(curve: KernelCurve | None, gpu: Accelerator, r: ROWS) -> np.ndarray:
        shape = RoutedExperts(
            pairs=r["pairs"],
            distinct=r["distinct"],
            d_model=r["d"],
            width=r["f"],
            num_experts=r["experts"],
            top_k=r["top_k"],
            ep=r["ep"],
            moved_pairs=r["moved"],
        )
        return experts_s(gpu, precision, shape, curve).total_s

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        weight = {"bf16": 2, "fp8": 1, "int4": 0.516}[precision] * 3 * r["d"] * r["f"]
        return flat_s(gpu, precision, 6 * r["even"] * r["d"] * r["f"], weight * r["uniform"])

    free = COMMON | {
        "launch_s": (3e-5, 1e-6, 3e-4), "latency_s": (1e-6, 1e-9, 1e-4), "half_fill": SIZE,
        "pad": (16.0, 0.1, 512.0), "side_share": (3.0, 0.1, 20.0),
    }  # fmt: skip
    kept = {source: where(table, table["moe_dtype"] == dtype) for source, table in measured.items()}
    rows = {source: expert_rows(table) for source, table in kept.items() if len(table["t"])}
    return Family(name="experts", kind=kind, rows=rows, predict=predict, free=free, flat=flat)


def expert_rows(data: ROWS) -> ROWS:
    """Shapes and seconds of a table, with what the busiest GPU computes and reads."""
    tokens, top_k, experts, ep, tp = (
        data[column].astype(float)
        for column in ("num_tokens", "topk", "num_experts", "moe_ep_size", "moe_tp_size")
    )
    pairs, distinct = np.zeros(len(tokens)), np.zeros(len(tokens))
    for distribution in set(data["distribution"].tolist()):
        rows = data["distribution"] == distribution
        at = tokens[rows], experts[rows], top_k[rows]
        exponent = distribution.removeprefix("power_law_")
        spread = (
            balanced(*at, ep=ep[rows])
            if distribution == "balanced"
            else power_law(*at, float(exponent), ep=ep[rows])
        )
        pairs[rows], distinct[rows] = spread.pairs, spread.distinct
    width, d_model = data["inter_size"] / tp, data["hidden_size"].astype(float)
    uniform = expected_distinct_experts(experts, top_k, tokens) / ep
    return {
        "pairs": pairs, "distinct": distinct, "d": d_model, "f": width, "moved": tokens * top_k,
        "experts": experts, "top_k": top_k, "ep": ep, "t": data["t"],
        "uniform": uniform, "even": tokens * top_k / ep,
        "shape": shape_names(data["hidden_size"], data["inter_size"], experts, top_k),
    }  # fmt: skip
