"""Measured over fitted times of each operator, as grids over the sizes that a table varies."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from optimoe.arch.memory import bytes_per_value
from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.cost.kernels.fitted import FITTED
from optimoe.cost.kernels.measured.grid import RatioGrid
from optimoe.cost.kernels.measured.tables import Table, Tables, where
from optimoe.cost.kernels.spread import power_law

DTYPES = {
    "bf16": ("bfloat16",),
    "fp8": ("fp8", "fp8_block"),
    "int4": ("int4_wo",),
    "mxfp4": ("w4a16_mxfp4",),
}
"""Of the tables, by precision of the weights or of the cache: the first that was measured."""

EXPERT_DTYPES = DTYPES | {"fp8": ("fp8_block", "fp8")}
"""Experts are released in fp8 with scales by block; the kernels for one scale a tensor can be far slower."""

SMALL_CACHE_BYTES, WARM_CACHE_BYTES = 1e6, 5e7
"""Calls were repeated on one cache: between these sizes it lies in the L2, where no engine finds it, since it
reads other layers in between. Smaller ones hardly count, larger ones do not stay there."""

ROUTING, EXPONENT = "power_law_1.2", 1.2
"""The spread of tokens over experts whose rows are taken; the call's own spread enters by the fitted curve."""


@cache
def gemm_grid(tables: Tables, precision: str) -> RatioGrid | None:
    """Products over M, N and K."""
    table = _of_precision(tables.rows("gemm"), "gemm_dtype", precision)
    if table is None:
        return None
    sizes = _floats(table["m"]), _floats(table["n"]), _floats(table["k"])
    return RatioGrid.of(sizes, table["t"], FITTED.gemm(tables.gpu, precision, *sizes).total_s)


@cache
def prefill_grid(tables: Tables, heads: float, kv_heads: float, head_dim: float) -> RatioGrid | None:
    """Attention of given heads over prompts: requests and length."""
    table = _heads(tables.rows("context_attention"), "bf16", heads, kv_heads, head_dim)
    if table is None:
        return None
    requests: Any = _floats(table["batch_size"])
    length: Any = _floats(table["isl"])
    seen = attended(length, UNLIMITED_WINDOW, "prefill")
    fitted = FITTED.prefill_attention(tables.gpu, requests, heads, kv_heads, head_dim, length, seen)
    return RatioGrid.of((requests, length), table["t"], fitted.total_s)


@cache
def decode_grid(
    tables: Tables, kv_precision: str, heads: float, kv_heads: float, head_dim: float
) -> RatioGrid | None:
    """Attention of given heads over caches: requests and tokens in the cache. Warm caches are left out."""
    table = _heads(tables.rows("generation_attention"), kv_precision, heads, kv_heads, head_dim)
    if table is None:
        return None
    requests, seen = _floats(table["batch_size"]), _floats(table["step"]) + 1
    cache = 2 * requests * seen * kv_heads * head_dim * bytes_per_value(kv_precision)
    cold = (cache < SMALL_CACHE_BYTES) | (cache > WARM_CACHE_BYTES)
    if not cold.any():
        return None
    requests, seen, seconds = requests[cold], seen[cold], table["t"][cold]
    shape = requests, 2 * kv_heads * head_dim, 4 * heads * head_dim * seen, seen
    fitted = FITTED.decode_attention(tables.gpu, kv_precision, *shape)
    return RatioGrid.of((requests, seen), seconds, fitted.total_s)


@cache
def experts_grid(
    tables: Tables,
    precision: str,
    d_model: float,
    width: float,
    num_experts: float,
    top_k: float,
    ep: float,
) -> RatioGrid | None:
    """The routed experts of a layer over its tokens, each expert ``width`` wide on this GPU."""
    table = where(
        _of_precision(tables.rows("moe"), "moe_dtype", precision, EXPERT_DTYPES),
        distribution=ROUTING,
        hidden_size=d_model,
        num_experts=num_experts,
        topk=top_k,
        moe_ep_size=ep,
    )
    if table is not None:
        table = where(table | {"width": table["inter_size"] / table["moe_tp_size"]}, width=width)
    if table is None:
        return None
    tokens = _floats(table["num_tokens"])
    spread = power_law(tokens, num_experts, top_k, EXPONENT, ep)
    shape = spread.pairs, spread.distinct, d_model, width
    layer: dict[str, Any] = {"num_experts": num_experts, "top_k": top_k, "ep": ep}
    fitted = FITTED.experts(tables.gpu, precision, *shape, moved_pairs=tokens * top_k, **layer)
    return RatioGrid.of((tokens,), table["t"], fitted.total_s)


@cache
def all_reduce_grid(tables: Tables, ranks: float) -> RatioGrid | None:
    """The engine's all-reduce under CUDA graphs, over the bytes of its payload."""
    rows = where(tables.rows("custom_allreduce"), num_gpus=ranks)
    table = where(rows, backend=f"{tables.engine}_graph") or rows
    if table is None:
        return None
    payload = 2.0 * table["message_size"]
    return RatioGrid.of((payload,), table["t"], FITTED.all_reduce_s(tables.gpu, ranks, payload))


def _heads(table: Table | None, kv_precision: str, heads: float, kv_heads: float, head_dim: float) -> Table | None:
    """Rows of bf16 attention without a window."""
    shape = {"num_heads": heads, "num_key_value_heads": kv_heads, "head_dim": head_dim}
    if table is not None and "window_size" in table:
        table = where(table, window_size=0)
    return _of_precision(where(table, attn_dtype="bfloat16", **shape), "kv_cache_dtype", kv_precision)


def _of_precision(
    table: Table | None, column: str, precision: str, dtypes: Mapping[str, tuple[str, ...]] = DTYPES
) -> Table | None:
    found = (where(table, **{column: dtype}) for dtype in dtypes.get(precision, ()))
    return next((rows for rows in found if rows is not None), None)


def _floats(column: np.ndarray) -> np.ndarray:
    return column.astype(float)
