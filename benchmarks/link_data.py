"""Measured collectives inside a node, or inside a domain of NVLink, as families."""

from typing import Any

import numpy as np

from kernel_data import SECONDS, Family, shape_names
from kernel_tables import ROWS, Source, tables, where
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.families.collectives import PHASES, LinkCurve, collective_s

ELEMENT_BYTES = {"half": 2.0, "int8": 1.0}
OWN_RANKS = 8
"""vLLM's and SGLang's kernels reduce over at most so many GPUs; beyond, their tables hold NCCL."""


def link_families() -> list[Family]:
    """Every collective."""
    return [_collective(name) for name in PHASES]


def _collective(name: Any) -> Family:
    measured = _engines_own() if name == "all_reduce" else _nccl(name)

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        """NCCL's three protocols, as published."""
        passes = PHASES[name]
        wire_s = passes * (r["ranks"] - 1) / r["ranks"] * r["x"] / gpu.intra_node_bytes_per_s
        hops = passes * (r["ranks"] - 1)
        protocols = ((0.6e-6, 6.8e-6, 0.5), (1.25e-6, 14e-6, 0.95), (28e-6, 0.0, 1.0))
        return np.minimum.reduce([hop * hops + base + wire_s / share for hop, base, share in protocols])

    return Family(
        name="collective",
        kind=name,
        rows=measured,
        predict=lambda curve, gpu, r: collective_s(gpu, name, r["ranks"], r["x"], curve),
        free={
            "launch_s": SECONDS,
            "hop_s": (3e-7, 1e-9, 1e-5),
            "link_share": (0.8, 0.02, 1.0),
            "ramp_bytes": (1e6, 1e3, 1e8),
            "contention": (0.1, 1e-3, 3.0),
        },
        flat=flat,
        curve=LinkCurve,
        sharpnesses=(1,),
    )


def _engines_own() -> dict[Source, ROWS]:
    """Engines' all-reduce as graphs replay it, over the ranks that their own kernels serve."""
    found = {}
    for source, table in tables("comm", "custom_allreduce_perf").items():
        keep = np.ones(len(table["t"]), dtype=bool)
        if "backend" in table:
            keep = np.char.endswith(table["backend"].astype(str), "graph")
        if source.engine != "trtllm":
            keep &= table["num_gpus"] <= OWN_RANKS
        kept = where(table, keep & (table["message_size"] > 0))
        ranks = kept["num_gpus"].astype(float)
        columns = {"x": 2.0 * kept["message_size"], "ranks": ranks, "t": kept["t"], "shape": shape_names(ranks)}
        if len(ranks):
            found[source] = columns
    return found


def _nccl(name: str) -> dict[Source, ROWS]:
    operation = {"all_reduce_nccl": "all_reduce", "all_to_all": "alltoall"}.get(name, name)
    found = {}
    for source, table in tables("comm", "nccl_perf").items():
        if source.engine:
            continue
        kept = where(table, table["op_name"] == operation)
        width = np.array([ELEMENT_BYTES.get(dtype, 2.0) for dtype in kept["nccl_dtype"]])
        ranks = kept["num_gpus"].astype(float)
        found[source] = {
            "x": kept["message_size"] * width, "ranks": ranks, "t": kept["t"], "shape": shape_names(ranks)
        }  # fmt: skip
    return found
