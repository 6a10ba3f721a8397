"""Four-bit experts against the operator tables that aiconfigurator-core installs: skipped where it is not."""

import re
from pathlib import Path

import numpy as np
import pytest

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.core.errors import InputError
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import RoutedExperts
from optimoe.cost.kernels.families.experts import experts_s
from optimoe.cost.kernels.measured.tables import tables_root

TYPES = {"int4": "int4_wo", "mxfp4": "w4a16_mxfp4", "mxfp4_fp8": "w4a8_mxfp4_mxfp8", "nvfp4": "nvfp4"}
FOLDERS = {"rtx-pro-6000": "rtx_pro_6000_server"}
OTHERS = ("nongated", "situ_as_silu", "compressedtensorsw4a4mxfp4moe", "sglang_fused_moe_triton")
"""Kernels that no engine takes for these weights by itself; :mod:`expert_data` says why."""
LARGEST_CACHE_BYTES = 1.3e8
"""Weights that fit in a last-level cache were read from there, since calls were repeated."""
BLACKWELL = ("b200-sxm", "b300-sxm", "gb200", "gb300")

CASES = [
    *((gpu, "vllm", kind) for gpu in BLACKWELL for kind in TYPES),
    *((gpu, "sglang", kind) for gpu in BLACKWELL for kind in TYPES if kind != "mxfp4"),  # it quantises to fp8
    *((gpu, engine, "int4") for gpu in ("h100-sxm", "h200-sxm") for engine in ("vllm", "sglang")),
    *((gpu, "vllm", "mxfp4") for gpu in ("h100-sxm", "h200-sxm", "l40s", "rtx-pro-6000")),
    ("a100-sxm", "sglang", "int4"),
    ("l40s", "vllm", "int4"),
    ("rtx-pro-6000", "vllm", "int4"),
    *(("rtx-pro-6000", engine, "nvfp4") for engine in ("vllm", "sglang", "trtllm")),
]


def root():
    try:
        return tables_root()
    except InputError as error:
        pytest.skip(str(error))


def calls(gpu, engine, kind):
    """Balanced batches of 1 to 64 tokens on one rank: what they touch is known without a draw."""
    parquet = pytest.importorskip("pyarrow.parquet")
    folder: Path = root() / FOLDERS.get(gpu, gpu.replace("-", "_")) / "moe" / engine
    path = max(
        folder.glob("*/moe_perf.parquet"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)]
    )
    filters = [
        ("moe_dtype", "=", TYPES[kind]),
        ("distribution", "=", "balanced"),
        ("num_tokens", "<=", 64),
        ("moe_ep_size", "=", 1),
    ]
    table = parquet.read_table(path, filters=filters)
    rows = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    # DeepSeek-V3's router takes experts of 4 groups in 8, so a balanced batch does not touch what it names
    limited = (rows["hidden_size"] == 7168) & (rows["num_experts"] == 256)
    keep = ~limited & ~np.array(
        [any(other in name for other in OTHERS) for name in rows["kernel_source"]], dtype=bool
    )
    keep &= (rows["inter_size"] / rows["moe_tp_size"]) % 16 == 0
    return {name: column[keep] for name, column in rows.items()}


@pytest.mark.parametrize(("gpu", "engine", "kind"), CASES)
def test_four_bit_experts_at_1_to_64_tokens_are_within_15_percent_of_the_tables(gpu, engine, kind):
    rows, weights = calls(gpu, engine, kind), kind.removesuffix("_fp8")
    pairs = (rows["num_tokens"] * rows["topk"]).astype(float)
    shape = RoutedExperts(
        pairs=pairs,
        distinct=np.minimum(pairs, rows["num_experts"]),
        d_model=rows["hidden_size"],
        width=rows["inter_size"] / rows["moe_tp_size"],
        num_experts=rows["num_experts"],
        top_k=rows["topk"],
        moved_pairs=pairs,
        activations="fp8" if kind == "mxfp4_fp8" else "auto",
    )
    ungated = (rows["num_experts"] == 512) & (rows["topk"] == 22) | (rows["inter_size"] == 1856)
    read_bytes = bytes_per_value(weights) * 3 * shape.distinct * shape.d_model * shape.width
    cold = (read_bytes > LARGEST_CACHE_BYTES) & ~ungated
    predicted_s = experts_s(find_accelerator(gpu), weights, shape, engine=engine).total_s
    errors = np.log(predicted_s / (1e-3 * rows["latency"]))[cold]
    assert len(errors) > 5
    assert np.median(abs(errors)) < 0.15


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_gpu_left_out_of_the_fit_of_its_architecture_is_within_15_percent_at_1_to_64_tokens(kind):
    rows = operator_table("experts")[kind]
    left_out = {
        name: row["few_tokens_other_gpu_error"] for name, row in rows.items() if ", " in row.get("gpus", "")
    }
    assert "blackwell" in left_out
    assert max(left_out.values()) < 0.15
