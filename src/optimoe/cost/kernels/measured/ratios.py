"""Measured over fitted times of each operator, as grids over the sizes that a table varies."""

from functools import cache
from typing import Any

import numpy as np

from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.arch.precision.formats import bytes_per_value
from optimoe.cost.hardware.arithmetic import AUTO, operands
from optimoe.cost.kernels.calls import AllReduce, DecodeAttention, Gemm, Kernel, PrefillAttention, RoutedExperts
from optimoe.cost.kernels.families.experts import expert_activations
from optimoe.cost.kernels.fitted import Fitted
from optimoe.cost.kernels.measured.grid import RatioGrid
from optimoe.cost.kernels.measured.tables import Table, Tables, where
from optimoe.cost.kernels.spread import power_law

CACHE_DTYPES = {"bf16": ("bfloat16",), "fp8": ("fp8",)}
"""Names that the tables give a precision of the cache."""

DTYPES = {
    ("bf16", "bf16"): ("bfloat16",),
    ("fp8", "fp8"): ("fp8", "fp8_block"),
    ("int8", "int8"): ("sq",),
    ("int8", "bf16"): ("int8_wo",),
    ("int4", "bf16"): ("int4_wo",),
    ("int4", "fp8"): ("w4afp8",),
    ("mxfp4", "bf16"): ("w4a16_mxfp4",),
    ("mxfp4", "fp8"): ("w4a8_mxfp4_mxfp8",),
    ("nvfp4", "nvfp4"): ("nvfp4",),
}
"""Names that the tables give to a precision of the weights and of what enters the product on that GPU; the first
that was measured is taken. What has no name here or no row was not measured: its curve stands, never another
precision's row."""

EXPERT_DTYPES = DTYPES | {("fp8", "fp8"): ("fp8_block", "fp8")}
"""Experts are released in fp8 with scales by block; the kernels for one scale a tensor can be far slower."""

SMALL_CACHE_BYTES, WARM_CACHE_BYTES = 1e6, 5e7
"""Calls were repeated on one cache: between these sizes it lies in the L2, where no engine finds it, since it
reads other layers in between. Smaller ones hardly count, larger ones do not stay there."""

DISTRIBUTION, EXPONENT = "power_law_1.2", 1.2
"""The spread of tokens over experts whose rows are taken; the call's own spread enters by the fitted curve."""

ELEMENT_BYTES = 2.0
"""The tables of all-reduces count elements of 16 bit."""


@cache
def gemm_grid(tables: Tables, precision: str, activations: str = AUTO) -> RatioGrid | None:
    """The grid of products over M, N and K; none where the precisions were not measured."""
    dtypes = DTYPES.get((precision, operands(tables.gpu, precision, activations)), ())
    table = _of_dtypes(tables.rows("gemm"), "gemm_dtype", dtypes)
    if table is None:
        return None
    rows, width, depth = (_floats(table[name]) for name in ("m", "n", "k"))
    product = Gemm(rows=rows, width=width, depth=depth, activations=activations)
    fitted_s = _fitted_s(tables, precision, product)
    return RatioGrid.of((product.rows, product.width, product.depth), table["t"], fitted_s)


@cache
def prefill_grid(tables: Tables, num_heads: float, num_kv_heads: float, head_dim: float) -> RatioGrid | None:
    """The grid of attention of given heads over prompts, by requests and length; none where not measured."""
    table = _of_heads(tables.rows("context_attention"), "bf16", num_heads, num_kv_heads, head_dim)
    if table is None:
        return None
    requests = _floats(table["batch_size"])
    length: Any = _floats(table["isl"])
    attention = PrefillAttention(
        requests=requests,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_dim=head_dim,
        length=length,
        seen=attended(length, UNLIMITED_WINDOW, "prefill"),
    )
    return RatioGrid.of((requests, length), table["t"], _fitted_s(tables, "bf16", attention))


@cache
def decode_grid(
    tables: Tables, kv_precision: str, num_heads: float, num_kv_heads: float, head_dim: float
) -> RatioGrid | None:
    """The grid of attention of given heads over caches, by requests and tokens; none where not measured.

    Warm caches are left out.
    """
    table = _of_heads(tables.rows("generation_attention"), kv_precision, num_heads, num_kv_heads, head_dim)
    if table is None:
        return None
    requests, seen = _floats(table["batch_size"]), _floats(table["step"]) + 1
    cache = 2 * requests * seen * num_kv_heads * head_dim * bytes_per_value(kv_precision)
    cold = (cache < SMALL_CACHE_BYTES) | (cache > WARM_CACHE_BYTES)
    if not cold.any():
        return None
    attention = DecodeAttention(
        requests=requests[cold],
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        head_dim=head_dim,
        seen=seen[cold],
    )
    fitted_s = _fitted_s(tables, kv_precision, attention)
    return RatioGrid.of((requests[cold], seen[cold]), table["t"][cold], fitted_s)


@cache
def experts_grid(
    tables: Tables,
    precision: str,
    d_model: float,
    width: float,
    num_experts: float,
    top_k: float,
    ep: float,
    activations: str = AUTO,
) -> RatioGrid | None:
    """The grid of routed experts over the tokens of a layer; none where its shape was not measured.

    ``width`` is that of an expert's share on this GPU.
    """
    entering = expert_activations(tables.gpu, precision, activations, tables.engine)
    dtypes = EXPERT_DTYPES.get((precision, operands(tables.gpu, precision, entering)), ())
    table = where(
        _of_dtypes(tables.rows("moe"), "moe_dtype", dtypes),
        distribution=DISTRIBUTION,
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
    experts = RoutedExperts(
        pairs=spread.pairs,
        distinct=spread.distinct,
        d_model=d_model,
        width=width,
        num_experts=num_experts,
        top_k=top_k,
        ep=ep,
        moved_pairs=tokens * top_k,
        activations=activations,
    )
    return RatioGrid.of((tokens,), table["t"], _fitted_s(tables, precision, experts))


@cache
def all_reduce_grid(tables: Tables, ranks: float) -> RatioGrid | None:
    """The grid of the engine's all-reduce under CUDA graphs, over the bytes of its payload."""
    rows = where(tables.rows("custom_allreduce"), num_gpus=ranks)
    table = where(rows, backend=f"{tables.engine}_graph") or rows
    if table is None:
        return None
    payload = ELEMENT_BYTES * table["message_size"]
    fitted_s = _fitted_s(tables, "bf16", AllReduce(ranks=ranks, payload_bytes=payload))
    return RatioGrid.of((payload,), table["t"], fitted_s)


def _fitted_s(tables: Tables, precision: str, kernel: Kernel) -> np.ndarray:
    return np.asarray(Fitted(engine=tables.engine).time(tables.gpu, precision, kernel).total_s)


def _of_heads(
    table: Table | None, kv_precision: str, num_heads: float, num_kv_heads: float, head_dim: float
) -> Table | None:
    """Rows of bf16 attention without a window."""
    if table is not None and "window_size" in table:
        table = where(table, window_size=0)
    table = where(
        table,
        attn_dtype="bfloat16",
        num_heads=num_heads,
        num_key_value_heads=num_kv_heads,
        head_dim=head_dim,
    )
    return _of_dtypes(table, "kv_cache_dtype", CACHE_DTYPES.get(kv_precision, ()))


def _of_dtypes(table: Table | None, column: str, dtypes: tuple[str, ...]) -> Table | None:
    """The rows of the first of these names that has any."""
    found = (where(table, **{column: dtype}) for dtype in dtypes)
    return next((rows for rows in found if rows is not None), None)


def _floats(column: np.ndarray) -> np.ndarray:
    return column.astype(float)
