"""Measured kernels as families: their rows, and how the operator model predicts them from a curve.

Reads kernels_h100_a100 under OPTIMOE_DATA with pyarrow (a development dependency).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.arch.traffic import expected_distinct_experts
from optimoe.cost.hardware.accelerator import Accelerator, find_accelerator
from optimoe.cost.kernels.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.calls import DecodeAttention, Gemm, PrefillAttention, RoutedExperts
from optimoe.cost.kernels.collectives import PHASES, LinkCurve, collective_s
from optimoe.cost.kernels.curve import KernelCurve
from optimoe.cost.kernels.experts import experts_s
from optimoe.cost.kernels.gemm import gemm_s
from optimoe.cost.kernels.spread import balanced, power_law

GPUS = {"hopper": "h100-sxm", "ampere": "a100-sxm"}
ROWS = dict[str, np.ndarray]
Predict = Callable[[Any, Accelerator, ROWS], np.ndarray]

SMALL_CACHE, WARM_CACHE = 1e6, 5e7
"""Repeated calls find caches up to 50 MB in the L2 (H100; 40 MB on A100), which no engine does: between two
calls it reads other layers. Only caches above, and those whose reading hardly counts, are fitted."""

# start, low, high of each coefficient; the logarithm is fitted
SECONDS, SHARE, SIZE = (3e-6, 1e-7, 1e-4), (0.8, 0.1, 1.0), (64.0, 0.1, 1e5)
COMMON = {"launch_s": SECONDS, "memory_share": SHARE, "compute_share": SHARE}


@dataclass(frozen=True, kw_only=True)
class Family:
    """Kernels that share a curve.

    Attributes:
        name, kind: Where the curve stands in operators/.
        rows: Columns by architecture; ``t`` in seconds, ``shape`` to leave shapes out by, ``fitted`` where
            some rows are not for fitting.
        predict: Seconds from a curve.
        flat: Seconds by the constant efficiencies that the curves replaced.
        free: Fitted coefficients: start, low, high.
        curve: The class of the coefficients.
        sharpnesses: Tried in turn.
    """

    name: str
    kind: str
    rows: dict[str, ROWS]
    predict: Predict
    free: dict[str, tuple[float, float, float]]
    flat: Predict
    curve: type = KernelCurve
    sharpnesses: tuple[int, ...] = (1, 2, 4)


def families() -> list[Family]:
    """All families."""
    gemms = {"bf16": "bfloat16", "fp8": "fp8", "fp8_block": "fp8_block"}
    return [
        *(_gemm(kind, dtype) for kind, dtype in gemms.items()),
        *(_experts(kind, dtype) for kind, dtype in (gemms | {"int4": "int4_wo"}).items()),
        _prefill(),
        _decode(),
        *(_collective(name) for name in PHASES),
    ]


def accelerator(architecture: str) -> Accelerator:
    """The GPU that was measured."""
    return find_accelerator(GPUS[architecture])


def table(architecture: str, name: str, **equal: str) -> ROWS:
    """One table, rows whose columns equal the given values; empty where it was not measured."""
    folder = Path(os.environ["OPTIMOE_DATA"]) / "kernels_h100_a100"
    (path,) = folder.glob(f"{GPUS[architecture].replace('-', '_')}__*__{name}.parquet")
    columns = parquet.read_table(path)
    rows = {column: np.array(columns[column].to_pylist()) for column in columns.column_names}
    keep = np.ones(len(rows["latency"]), dtype=bool)
    for column, value in equal.items():
        keep &= rows[column] == value
    rows = {column: values[keep] for column, values in rows.items()}
    return rows | {"t": rows["latency"] * 1e-3}


def flat_s(gpu: Accelerator, precision: str, flops: Any, num_bytes: Any) -> np.ndarray:
    """The model before the curves: 0.70 of the peak, 0.75 of the bandwidth, 4 µs of launch."""
    return 4e-6 + np.maximum(
        flops / (0.70 * gpu.flops_per_s(precision)), num_bytes / (0.75 * gpu.memory_bytes_per_s)
    )


def _shape(*columns: np.ndarray) -> np.ndarray:
    return np.array(["×".join(str(int(value)) for value in row) for row in zip(*columns, strict=True)])


def _measured(make: Callable[[str], ROWS]) -> dict[str, ROWS]:
    made = {architecture: make(architecture) for architecture in GPUS}
    return {architecture: rows for architecture, rows in made.items() if len(rows["t"])}


def _gemm(kind: str, dtype: str) -> Family:
    precision = "bf16" if kind == "bf16" else "fp8"

    def rows(architecture: str) -> ROWS:
        data = table(architecture, "gemm_perf", gemm_dtype=dtype)
        m, n, k = (data[column].astype(float) for column in "mnk")
        return {"m": m, "n": n, "k": k, "t": data["t"], "shape": _shape(n, k)}

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        weight = 2 if kind == "bf16" else 1
        return flat_s(gpu, precision, 2 * r["m"] * r["n"] * r["k"], weight * r["n"] * r["k"])

    free = COMMON | {"latency_s": SECONDS, "half_fill": SIZE, "pad": SIZE}
    return Family(
        name="gemm",
        kind=kind,
        rows=_measured(rows),
        predict=lambda curve, gpu, r: (
            gemm_s(gpu, precision, Gemm(rows=r["m"], width=r["n"], depth=r["k"]), curve).total_s
        ),
        free=free if kind == "bf16" else free | {"side_share": (3.0, 0.1, 20.0)},
        flat=flat,
    )


def _experts(kind: str, dtype: str) -> Family:
    precision = "fp8" if kind == "fp8_block" else kind

    def rows(architecture: str) -> ROWS:
        data = table(architecture, "moe_perf", moe_dtype=dtype)
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
            "shape": _shape(data["hidden_size"], data["inter_size"], experts, top_k),
        }  # fmt: skip

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
    return Family(name="experts", kind=kind, rows=_measured(rows), predict=predict, free=free, flat=flat)


def _heads(data: ROWS) -> ROWS:
    window = data.get("window_size", np.zeros(len(data["t"])))
    columns = {
        "b": "batch_size", "h": "num_heads", "kv": "num_key_value_heads", "dh": "head_dim"
    }  # fmt: skip
    return {name: data[column].astype(float) for name, column in columns.items()} | {
        "window": np.where(window > 0, window, float(UNLIMITED_WINDOW)),
        "kv8": data["kv_cache_dtype"] == "fp8",
        "t": data["t"],
        "shape": _shape(data["num_heads"], data["num_key_value_heads"], data["head_dim"], window),
    }


def _prefill() -> Family:
    def rows(architecture: str) -> ROWS:
        data = table(architecture, "context_attention_perf")
        return _heads(data) | {"s": data["isl"].astype(float)}

    def predict(curve: KernelCurve | None, gpu: Accelerator, r: ROWS) -> np.ndarray:
        shape = PrefillAttention(
            requests=r["b"],
            num_heads=r["h"],
            num_kv_heads=r["kv"],
            head_dim=r["dh"],
            length=r["s"],
            seen=attended(r["s"], r["window"], "prefill"),
        )
        return prefill_attention_s(gpu, shape, curve).total_s

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        flops = 4 * r["b"] * r["h"] * r["dh"] * r["s"] * attended(r["s"], r["window"], "prefill")
        return flat_s(gpu, "bf16", flops, 4 * r["b"] * r["s"] * r["kv"] * r["dh"])

    free = COMMON | {"half_fill": SIZE, "half_rows": (1e4, 1e2, 1e5)}
    return Family(
        name="prefill_attention", kind="bf16", rows=_measured(rows), predict=predict, free=free, flat=flat
    )


def _decode() -> Family:
    def rows(architecture: str) -> ROWS:
        data = table(architecture, "generation_attention_perf")
        heads = _heads(data)
        context = np.minimum(data["step"] + 1.0, heads["window"])
        cache = 2 * heads["b"] * heads["kv"] * heads["dh"] * context * np.where(heads["kv8"], 1, 2)
        return heads | {"context": context, "fitted": (cache < SMALL_CACHE) | (cache > WARM_CACHE)}

    def predict(curve: KernelCurve | None, gpu: Accelerator, r: ROWS) -> np.ndarray:
        shape = DecodeAttention(
            requests=r["b"], num_heads=r["h"], num_kv_heads=r["kv"], head_dim=r["dh"], seen=r["context"]
        )
        half, full = (decode_attention_s(gpu, kind, shape, curve).total_s for kind in ("fp8", "bf16"))
        return np.where(r["kv8"], half, full)

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        per_value = np.where(r["kv8"], 1, 2)
        num_bytes = 2 * r["b"] * r["kv"] * r["dh"] * r["context"] * per_value
        return flat_s(gpu, "bf16", 4 * r["b"] * r["h"] * r["dh"] * r["context"], num_bytes)

    free = {"launch_s": SECONDS, "latency_s": SECONDS, "memory_share": SHARE, "pad": SIZE}
    return Family(
        name="decode_attention", kind="bf16", rows=_measured(rows), predict=predict, free=free, flat=flat
    )


def _collective(name: Any) -> Family:
    def rows(architecture: str) -> ROWS:
        if name == "all_reduce":
            data = table(architecture, "custom_allreduce_perf", backend="vllm_graph")
            width = 2.0
        else:
            nccl = {"all_reduce_nccl": "all_reduce", "all_to_all": "alltoall"}.get(name, name)
            data = table(architecture, "nccl_perf", op_name=nccl)
            width = np.where(data["nccl_dtype"] == "half", 2.0, 1.0)
        ranks = data["num_gpus"].astype(float)
        return {"x": data["message_size"] * width, "ranks": ranks, "t": data["t"], "shape": _shape(ranks)}

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        """NCCL's three protocols, as published."""
        passes = 2 if "all_reduce" in name else 1
        wire_s = passes * (r["ranks"] - 1) / r["ranks"] * r["x"] / gpu.intra_node_bytes_per_s
        hops = passes * (r["ranks"] - 1)
        protocols = ((0.6e-6, 6.8e-6, 0.5), (1.25e-6, 14e-6, 0.95), (28e-6, 0.0, 1.0))
        return np.minimum.reduce([hop * hops + base + wire_s / share for hop, base, share in protocols])

    return Family(
        name="collective",
        kind=name,
        rows=_measured(rows),
        predict=lambda curve, gpu, r: collective_s(gpu, name, r["ranks"], r["x"], curve),
        free={
            "launch_s": SECONDS,
            "hop_s": (3e-7, 1e-9, 1e-5),
            "link_share": SHARE,
            "ramp_bytes": (1e6, 1e3, 1e8),
        },
        flat=flat,
        curve=LinkCurve,
        sharpnesses=(1,),
    )


def coefficients(curve: Any) -> dict[str, float]:
    """The coefficients of a curve that are not their defaults."""
    return {
        field.name: getattr(curve, field.name)
        for field in fields(curve)
        if getattr(curve, field.name) != field.default
    }
