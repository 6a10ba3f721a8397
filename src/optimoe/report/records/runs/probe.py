"""JSON of ``optimoe hardware probe``: what a machine was measured to do."""

from dataclasses import dataclass
from pathlib import Path

from optimoe.core.records import same_fields
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.trainer.probing.machine import Probe


@dataclass(frozen=True, kw_only=True)
class ProbedMachineRecord:
    """A machine that was measured.

    Attributes:
        file: The accelerator's file that was written.
        device: What it is, in words.
        kind: ``cpu`` or ``cuda``.
        threads: Of a CPU; 0 for a GPU.
        memory_bytes: All of its memory.
        memory_bytes_per_s: Bytes read and written by a copy within it, over the time.
        peak_flops_per_s: Square products of a type, by its word.
        launch_s: One call of an operator on one number, among many.
        host_bytes_per_s: A large copy from pinned memory of the host; 0 for a CPU.
        host_copy_s: A copy of one number from the host, waited for; 0 for a CPU.
        measured_utc: When.
        cache_bytes: Last-level cache of a CPU that tells it; 0 else.
        cache_bytes_per_s: A copy within that cache.
        curves: Of a CPU: what its operators reach, by family and type; empty where they were not measured.
    """

    file: str
    device: str
    kind: str
    threads: int
    memory_bytes: int
    memory_bytes_per_s: float
    peak_flops_per_s: dict[str, float]
    launch_s: float
    host_bytes_per_s: float
    host_copy_s: float
    measured_utc: str
    cache_bytes: int
    cache_bytes_per_s: float
    curves: dict[str, dict[str, KernelCurve]]


def probed_record(found: Probe, file: Path) -> ProbedMachineRecord:
    """What was measured, and where it was written."""
    return same_fields(ProbedMachineRecord, found, file=str(file))
