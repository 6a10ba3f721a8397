"""Measured attention as families: over prompts, over caches, and latent attention by its own kernels."""

from typing import Any

import numpy as np

from kernel_data import COMMON, SECONDS, SHARE, SIZE, Family, flat_s, shape_names
from kernel_tables import ROWS, Source, tables, where
from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import DecodeAttention, LatentDecodeAttention, PrefillAttention
from optimoe.cost.kernels.families.attention import decode_attention_s, prefill_attention_s

DTYPES = {"bf16": "bfloat16", "fp8": "fp8"}
"""Names that the tables give a precision of the cache."""

SMALL_CACHE, WARM_CACHES = 1e6, 1.0
"""Repeated calls find caches up to the last-level cache in it, which no engine does: between two calls it reads
other layers. Only caches above, and those whose reading hardly counts, are fitted."""

LAST_LEVEL = {
    "b200-sxm": 1.32e8,
    "b300-sxm": 1.32e8,
    "gb200": 1.32e8,
    "gb300": 1.32e8,
    "rtx-pro-6000": 1.34e8,
    "b60": 1.9e7,
}
"""Bytes of the last-level cache where the accelerator's row does not state them: both dies' L2 of Blackwell as its
driver reports it, 128 MB of GB202, 18 MB of Battlemage. Used to leave rows out alone."""

DECODE = {"launch_s": SECONDS, "latency_s": SECONDS, "memory_share": SHARE, "compute_share": SHARE, "pad": SIZE}

LATENT_RANK, LATENT_ROPE, LATENT_VALUES = 512, 64, 576
"""DeepSeek's latent attention, which the tables hold: values of a token, and its parts."""


def decode_families() -> list[Family]:
    """Attention over caches: grouped heads and latents, by the precision of the cache."""
    measured = tables("attention", "generation_attention_perf")
    latent = tables("mla", "generation_mla_perf")
    return [
        *(_decode(kind, dtype, measured) for kind, dtype in DTYPES.items()),
        *(_latent(kind, dtype, latent) for kind, dtype in DTYPES.items()),
    ]


def prefill_families() -> list[Family]:
    """Attention over prompts, in bf16."""
    return [_prefill(tables("attention", "context_attention_perf"))]


def own_kernels(table: ROWS) -> ROWS:
    """Rows without Triton's fallback for heads that an engine's own kernel does not serve: 2 to 3 times slower."""
    fallback = np.char.find(table["kernel_source"].astype(str), "triton") >= 0
    return table if fallback.all() else where(table, ~fallback)


def cold(gpu: Accelerator, num_bytes: np.ndarray) -> np.ndarray:
    """Which caches are read from memory, or are too small for that to count."""
    last = gpu.cache_bytes or LAST_LEVEL.get(gpu.name, 0.0)
    return (num_bytes < SMALL_CACHE) | (num_bytes > WARM_CACHES * last)


def _heads(data: ROWS) -> ROWS:
    window = data.get("window_size", np.zeros(len(data["t"])))
    columns = {"b": "batch_size", "h": "num_heads", "kv": "num_key_value_heads", "dh": "head_dim"}
    return {name: data[column].astype(float) for name, column in columns.items()} | {
        "window": np.where(window > 0, window, float(UNLIMITED_WINDOW)),
        "t": data["t"],
        "shape": shape_names(data["num_heads"], data["num_key_value_heads"], data["head_dim"], window),
    }


def _decode(kind: str, dtype: str, measured: dict[Source, ROWS]) -> Family:
    def rows(source: Source, table: ROWS) -> ROWS:
        data = own_kernels(where(table, table["kv_cache_dtype"] == dtype))
        heads = _heads(data)
        context = np.minimum(data["step"] + 1.0, heads["window"])
        cache = 2 * heads["b"] * heads["kv"] * heads["dh"] * context * (1 if kind == "fp8" else 2)
        return heads | {"context": context, "fitted": cold(source.accelerator, cache)}

    def predict(curve: KernelCurve | None, gpu: Accelerator, r: ROWS) -> np.ndarray:
        shape = DecodeAttention(
            requests=r["b"], num_heads=r["h"], num_kv_heads=r["kv"], head_dim=r["dh"], seen=r["context"]
        )
        return decode_attention_s(gpu, kind, shape, curve).total_s

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        num_bytes = 2 * r["b"] * r["kv"] * r["dh"] * r["context"] * (1 if kind == "fp8" else 2)
        return flat_s(gpu, "bf16", 4 * r["b"] * r["h"] * r["dh"] * r["context"], num_bytes)

    made = {source: rows(source, table) for source, table in measured.items()}
    free = DECODE | {"half_rows": (8.0, 0.1, 256.0)}
    return Family(
        name="decode_attention",
        kind=kind,
        rows={source: table for source, table in made.items() if len(table["t"])},
        predict=predict,
        free=free,
        flat=flat,
    )


def _latent(kind: str, dtype: str, measured: dict[Source, ROWS]) -> Family:
    def rows(source: Source, table: ROWS) -> ROWS:
        data = where(table, table["kv_cache_dtype"] == dtype)
        requests, context = data["batch_size"].astype(float), data["step"] + 1.0
        cache = requests * context * LATENT_VALUES * (1 if kind == "fp8" else 2)
        heads = data["num_heads"].astype(float)
        return {
            "b": requests, "h": heads, "context": context, "t": data["t"],
            "shape": shape_names(heads), "fitted": cold(source.accelerator, cache),
        }  # fmt: skip

    def shape(r: ROWS) -> LatentDecodeAttention:
        scores = 2 * r["h"] * (LATENT_VALUES + LATENT_RANK) * r["context"]
        return LatentDecodeAttention(requests=r["b"], values=LATENT_VALUES, score_flops=scores, seen=r["context"])

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        num_bytes = r["b"] * r["context"] * LATENT_VALUES * (1 if kind == "fp8" else 2)
        return flat_s(gpu, "bf16", r["b"] * shape(r).score_flops, num_bytes)

    made = {source: rows(source, table) for source, table in measured.items()}
    free = DECODE
    return Family(
        name="decode_attention",
        kind=f"latent_{kind}",
        rows={source: table for source, table in made.items() if len(table["t"])},
        predict=lambda curve, gpu, r: decode_attention_s(gpu, kind, shape(r), curve).total_s,
        free=free,
        flat=flat,
    )


def _prefill(measured: dict[Source, ROWS]) -> Family:
    def rows(table: ROWS) -> ROWS:
        plain = (table["attn_dtype"] == "bfloat16") & (table["kv_cache_dtype"] == "bfloat16")
        data = own_kernels(where(table, plain))
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

    return Family(
        name="prefill_attention",
        kind="bf16",
        rows={source: rows(table) for source, table in measured.items()},
        predict=predict,
        free=COMMON | {"half_fill": SIZE, "half_rows": (1e4, 1e2, 1e5)},
        flat=flat,
    )
