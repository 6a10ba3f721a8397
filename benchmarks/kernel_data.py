"""Measured kernels as families: their rows, and how the operator model predicts them from a curve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from kernel_tables import ROWS, Source, tables, where
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.kernels.curve import ANY_ARCHITECTURE as OTHER
from optimoe.cost.kernels.curve import BUS
from optimoe.cost.kernels.families.gemm import gemm_s

Predict = Callable[[Any, Accelerator, ROWS], np.ndarray]

# start, low, high of each coefficient; the logarithm is fitted
SECONDS, SHARE, SIZE = (3e-6, 1e-7, 1e-4), (0.8, 0.1, 1.0), (64.0, 0.1, 1e5)
COMMON = {"launch_s": SECONDS, "memory_share": SHARE, "compute_share": SHARE}

HOST_BOUND = 1.75
"""A table whose fastest calls take so many times those of another engine's on the same GPU timed more than the
kernel: launches from the host, or a quantisation of its own that engines fuse with the norm before. Engines replay
graphs, in which the kernel takes what the other measured."""

GEMM_TYPES = {
    "bf16": "bfloat16",
    "fp8": "fp8",
    "fp8_block": "fp8_block",
    "int8": "sq",
    "int4": "int4_wo",
    "nvfp4": "nvfp4",
}
"""Names that the tables give the kinds of products; ``sq`` multiplies 8-bit integers, ``int4_wo`` unpacks
weights."""

GEMM_PRECISION = {"fp8_block": "fp8"}
"""Precision of the weights where the kind is not its name."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Kernels that share a curve.

    Attributes:
        name, kind: Where the curve stands in operators/.
        rows: Columns by where they were measured; ``t`` in seconds, ``shape`` to leave shapes out by, ``fitted``
            where some rows are not for fitting.
        predict: Seconds from a curve.
        flat: Seconds by the constant efficiencies that the curves replaced.
        free: Fitted coefficients: start, low, high.
        curve: The class of the coefficients.
        sharpnesses: Tried in turn.
        few: Column that marks the rows of few tokens, whose errors are stated apart; empty where nobody asks.
    """

    name: str
    kind: str
    rows: dict[Source, ROWS]
    predict: Predict
    free: dict[str, tuple[float, float, float]]
    flat: Predict
    curve: type = KernelCurve
    sharpnesses: tuple[int, ...] = (1, 2, 4)
    few: str = ""

    def free_of(self, sources: Sequence[Source]) -> dict[str, tuple[float, float, float]]:
        """The coefficients that some tables can tell: how GPUs share a bus, only where there is one."""
        bus = any(source.accelerator.over_bus for source in sources)
        return {name: limits for name, limits in self.free.items() if bus or name != "contention"}

    def pools(self) -> dict[str, list[Source]]:
        """The rows of GPUs whose architecture was not measured, each with what it is fitted to."""
        if self.name != "collective":
            return {OTHER: list(self.rows)}
        over_bus = [source for source in self.rows if source.accelerator.over_bus]
        switched = [source for source in self.rows if not source.accelerator.over_bus]
        return {BUS: over_bus, OTHER: switched}

    @property
    def architectures(self) -> list[str]:
        """The generations of GPUs that were measured."""
        return sorted({source.architecture for source in self.rows})

    def of(self, architecture: str, engine: str | None = None) -> list[Source]:
        """Where an architecture was measured, with one engine or with any."""
        return [
            source
            for source in self.rows
            if source.architecture == architecture and engine in (None, source.engine)
        ]


def flat_s(gpu: Accelerator, precision: str, flops: Any, num_bytes: Any) -> np.ndarray:
    """The model before the curves: 0.70 of the peak, 0.75 of the bandwidth, 4 µs of launch."""
    return 4e-6 + np.maximum(
        flops / (0.70 * gpu.flops_per_s(precision)), num_bytes / (0.75 * gpu.memory_bytes_per_s)
    )


def shape_names(*columns: np.ndarray) -> np.ndarray:
    """One name for each shape."""
    values, which = np.unique(np.stack([column.astype(int) for column in columns]), axis=1, return_inverse=True)
    names = np.array(["×".join(str(value) for value in column) for column in values.T])
    return names[which.ravel()]


def graphed(rows: dict[Source, ROWS]) -> dict[Source, ROWS]:
    """Tables without those that were launched from the host: ``HOST_BOUND``."""
    fastest: dict[str, float] = {}
    for source, table in rows.items():
        fastest[source.gpu] = min(fastest.get(source.gpu, np.inf), float(np.quantile(table["t"], 0.02)))
    return {
        source: table
        for source, table in rows.items()
        if np.quantile(table["t"], 0.02) < HOST_BOUND * fastest[source.gpu]
    }


def gemm_families() -> list[Family]:
    """Products of every kind."""
    measured = tables("gemm", "gemm_perf")
    return [_gemm(kind, dtype, measured) for kind, dtype in GEMM_TYPES.items()]


def _gemm(kind: str, dtype: str, measured: dict[Source, ROWS]) -> Family:
    precision = GEMM_PRECISION.get(kind, kind)

    def columns(table: ROWS) -> ROWS:
        kept = where(table, table["gemm_dtype"] == dtype)
        m, n, k = (kept[column].astype(float) for column in "mnk")
        return {"m": m, "n": n, "k": k, "t": kept["t"], "shape": shape_names(n, k)}

    rows = {source: columns(table) for source, table in measured.items() if np.any(table["gemm_dtype"] == dtype)}

    def flat(_: Any, gpu: Accelerator, r: ROWS) -> np.ndarray:
        weight = {"bf16": 2.0, "fp8": 1.0, "int8": 1.0, "int4": 0.516, "nvfp4": 0.5625}[precision]
        return flat_s(gpu, precision, 2 * r["m"] * r["n"] * r["k"], weight * r["n"] * r["k"])

    free = COMMON | {"latency_s": SECONDS, "half_fill": SIZE, "pad": SIZE}
    quantises = kind not in ("bf16", "int4")
    return Family(
        name="gemm",
        kind=kind,
        rows=graphed(rows),
        predict=lambda curve, gpu, r: (
            gemm_s(gpu, precision, Gemm(rows=r["m"], width=r["n"], depth=r["k"]), curve).total_s
        ),
        free=free | {"side_share": (3.0, 0.1, 20.0)} if quantises else free,
        flat=flat,
    )


def coefficients(curve: Any) -> dict[str, float]:
    """The coefficients of a curve that are not their defaults."""
    return {
        field.name: getattr(curve, field.name)
        for field in fields(curve)
        if getattr(curve, field.name) != field.default
    }
