"""The curve of a kernel family on a GPU: its own where it was measured on the machine, else that of the tables."""

from dataclasses import fields, replace
from functools import cache
from typing import Any

from optimoe.core.arrays import Values
from optimoe.cost.facts import operator_table
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve, KernelFamily
from optimoe.cost.kernels.calls import KernelTime, Roofline

ANY_ARCHITECTURE = "other"
"""The row of a family that is fitted to all measured GPUs together, for GPUs that were not measured."""

BUS = "bus"
"""The row of a collective over PCIe, fitted to all GPUs that were measured so; for those that were not."""

CPU = "cpu"
"""The architecture of a machine without tensor tiles."""

TABLE_KIND = {"fp32": "bf16"}
"""Kinds that the tables do not hold, and the one whose shares of the peak they take (assumed)."""

CHAIN = 4096
"""Steps of the longest serial chain of a call (depth of a product, tokens of a cache) at which its latency is
``latency_s``."""

CYCLES = ("launch_s", "latency_s", "chain_s", "hop_s")
"""Coefficients that are times of their own: no data sheet bounds them, and they scale with the clock."""

REFERENCE_HZ = 1.98e9
"""Clock of the curves that are fitted to all GPUs: an H100's."""


def find_curve(family: KernelFamily, kind: str, gpu: Accelerator, engine: str = "") -> KernelCurve:
    """The curve of a family (``gemm``, ``experts``, …) and a kind of it (a precision), as an engine runs it.

    What a machine's own file holds of the family comes first. Else the row by :func:`find_row`; its times of
    launch and latency run at the GPU's clock (:func:`at_clock`). Of that row a ``cpu`` takes the shares alone: it
    launches nothing and has no large tiles to fill (assumed; optimistic).
    """
    own = gpu.curve(family, kind)
    if own is not None:
        return own
    return _find_curve(family, TABLE_KIND.get(kind, kind), gpu.architecture, gpu.clock_hz, engine)


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
