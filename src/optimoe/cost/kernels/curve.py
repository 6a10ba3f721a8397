"""The coefficients of a kernel family, and the form that all families share."""

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import KernelFamily, KernelTime, Roofline

ANY_ARCHITECTURE = "other"
"""The row of a family that is fitted to all measured GPUs together, for GPUs that were not measured."""

BUS = "bus"
"""The row of a collective over PCIe, fitted to all GPUs that were measured so; for those that were not."""

CPU = "cpu"
"""The architecture of a machine without tensor tiles."""

SHARPNESSES = (1, 2, 4)
"""Powers of two, which a smooth maximum takes by repeated squaring; the fit of a curve tries each of them."""

CHAIN = 4096
"""Steps of the longest serial chain of a call (depth of a product, tokens of a cache) at which its latency is
``latency_s``."""

CYCLES = ("launch_s", "latency_s", "chain_s", "hop_s")
"""Coefficients that are times of their own: no data sheet bounds them, and they scale with the clock."""

REFERENCE_HZ = 1.98e9
"""Clock of the curves that are fitted to all GPUs: an H100's."""


@dataclass(frozen=True, kw_only=True)
class KernelCurve:
    """What a family of kernels reaches of the data sheet. Shares and pads carry over to other GPUs.

    Attributes:
        launch_s: Least time of a call.
        memory_share: Of the peak bandwidth that long reads reach.
        compute_share: Of the tensor peak that large products reach.
        sharpness: p of the smooth maximum, a power of two: 1 is a sum (no overlap of arithmetic and reads).
        latency_s: Serial time of the longest chain: of 4,096 steps, growing with the root (``gemm``,
            ``decode_attention``); of one expert, growing with the root of their number (``experts``).
        half_fill: Added to a size, at which half the compute share is reached: depth of a product, tokens a
            query sees, width of an expert.
        chain_s: Serial time of an expert's two products in a row, at 4,096 steps of both together.
        least_tile, largest_tile: Rows of the smallest and of the largest tile by which each expert's rows are
            padded; between them a tile has about as many rows as an expert.
        half_rows: Added to the query rows of all heads and requests, likewise; of a cache, to those of each
            key-value head.
        pad: Rows and columns added to a product, tokens to a cache.
        side_share: Bytes that other kernels of the call move, per byte or value of their activations.

    Raises:
        ConfigError: A share is not in (0, 1], a time or size is negative, or p is not 1, 2 or 4.
    """

    launch_s: float
    memory_share: float = 1.0
    compute_share: float = 1.0
    sharpness: int = 1
    latency_s: float = 0.0
    half_fill: float = 0.0
    half_rows: float = 0.0
    pad: float = 0.0
    side_share: float = 0.0
    chain_s: float = 0.0
    least_tile: float = 0.0
    largest_tile: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(value >= 0, field.name, "zero or more", value)
        for share in (self.memory_share, self.compute_share):
            require(0 < share <= 1, "share", "above 0 and at most 1", share)
        require(self.sharpness in SHARPNESSES, "sharpness", f"one of {SHARPNESSES}", self.sharpness)


def find_curve(family: KernelFamily, kind: str, gpu: Accelerator, engine: str = "") -> KernelCurve:
    """The curve of a family (``gemm``, ``experts``, …) and a kind of it (a precision), as an engine runs it.

    The row by :func:`find_row`; its times of launch and latency run at the GPU's clock (:func:`at_clock`). Of that
    row a ``cpu`` takes the shares alone: it launches nothing and has no large tiles to fill (assumed; optimistic).
    """
    return _find_curve(family, kind, gpu.architecture, gpu.clock_hz, engine)


@cache
def find_row(family: str, kind: str, architecture: str, engine: str = "") -> dict[str, Any]:
    """A row of ``data/operators/``: of architecture and engine, else of the architecture, else of all GPUs.

    ``[kind.architecture]`` holds coefficients and may hold a table for each engine; so may ``[kind.other]``, which
    is fitted to all measured GPUs and serves an architecture without a row.
    """
    rows = operator_table(family)[kind]
    row: dict[str, Any] = rows.get(architecture, rows[ANY_ARCHITECTURE])
    own = row.get(engine)
    return own if isinstance(own, dict) else row


def at_clock(curve: Any, measured_hz: float, clock_hz: float) -> Any:
    """The curve on a GPU of another clock: times that no data sheet bounds are cycles, and scale with its inverse.

    Between H100 and A100 this takes the error of products from 17 to 10 % and of decoding attention from 38 to
    18 %. A clock that is not known (0) changes nothing.
    """
    if not (measured_hz and clock_hz):
        return curve
    names = [name for name in CYCLES if hasattr(curve, name)]
    return replace(curve, **{name: getattr(curve, name) * measured_hz / clock_hz for name in names})


@cache
def _find_curve(
    family: KernelFamily, kind: str, architecture: str, clock_hz: float, engine: str = ""
) -> KernelCurve:
    row = find_row(family, kind, architecture, engine)
    curve = KernelCurve(**{field.name: row[field.name] for field in fields(KernelCurve) if field.name in row})
    if architecture == CPU:
        shares = curve.memory_share, curve.compute_share, curve.sharpness
        return KernelCurve(launch_s=0.0, memory_share=shares[0], compute_share=shares[1], sharpness=shares[2])
    return at_clock(curve, row["clock_hz"], clock_hz)


def memory_s(gpu: Accelerator, curve: KernelCurve, num_bytes: Values) -> Values:
    """Seconds to move bytes at the family's share of the peak bandwidth."""
    return num_bytes / (gpu.memory_bytes_per_s * curve.memory_share)


def roofline_s(gpu: Accelerator, kernel: Roofline, engine: str = "") -> KernelTime:
    """Seconds of a kernel that was not measured: FLOPs and bytes at the shares of a family that was.

    The family's launch, flops/(bf16 peak·share), bytes/(bandwidth·share); derived, not fitted.
    """

    def curve(family: KernelFamily) -> KernelCurve:
        return find_curve(family, "bf16", gpu, engine)

    shares = curve(kernel.shares_of)
    return KernelTime(
        launch_s=curve(kernel.launch_of).launch_s,
        side_s=0.0,
        compute_s=kernel.flops / (gpu.flops_per_s("bf16") * shares.compute_share),
        memory_s=memory_s(gpu, shares, kernel.num_bytes),
        sharpness=shares.sharpness,
    )
