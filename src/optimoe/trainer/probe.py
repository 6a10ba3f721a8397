"""This machine as an accelerator: what it was measured to do, for predictions that are about it."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from optimoe.core.provenance import utc_now
from optimoe.models.surroundings import processor_facts
from optimoe.trainer.device import measured_peak_flops_per_s, wait_for

_COPIED_BYTES = 1 << 28
"""Of the buffer that is copied: more than a last-level cache holds."""

_ROUNDS = 7
_CALLS = 200


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What was measured, each the best of several rounds, since what disturbs only slows.

    Attributes:
        device: What it is, in words.
        kind: ``cpu`` or ``cuda``.
        memory_bytes: All of its memory.
        memory_bytes_per_s: Bytes read and written by a copy of 256 MiB within it, over the time.
        peak_flops_per_s: Square products of a type, by its word.
        launch_s: One call of an operator on one number, among many.
        host_bytes_per_s: A copy of 256 MiB from pinned memory of the host; 0 for a CPU.
        host_copy_s: A copy of one number from the host, waited for; 0 for a CPU.
        threads: Of a CPU; 0 for a GPU.
        measured_utc: When.
    """

    device: str
    kind: str
    memory_bytes: int
    memory_bytes_per_s: float
    peak_flops_per_s: dict[str, float]
    launch_s: float
    host_bytes_per_s: float
    host_copy_s: float
    threads: int
    measured_utc: str

    @property
    def accelerator(self) -> dict[str, object]:
        """The fields of an accelerator's file (:class:`optimoe.cost.hardware.accelerator.Accelerator`)."""
        on = f", threads: {self.threads}" if self.threads else ""
        copy = f", copy from the host {self.host_copy_s * 1e6:.1f} us" if self.host_copy_s else ""
        return {
            "architecture": "cpu" if self.kind == "cpu" else "",
            "memory_bytes": self.memory_bytes,
            "memory_bytes_per_s": self.memory_bytes_per_s,
            "peak_flops_per_s": self.peak_flops_per_s,
            "host_bytes_per_s": self.host_bytes_per_s,
            "source": f"measured here on {self.measured_utc[:10]}: {self.device}{on}",
            "notes": f"launch {self.launch_s * 1e6:.1f} us{copy}",
        }


def probe_machine(device: torch.device) -> Probe:
    """Measure a device; a few seconds, in which nothing else should run.

    Args:
        device: A CPU, with the threads that PyTorch has, or a GPU.
    """
    gpu = device.type == "cuda"
    types = (
        {"bf16": torch.bfloat16, "fp16": torch.float16} if gpu else {"bf16": torch.bfloat16, "fp32": torch.float32}
    )
    there = torch.empty(_COPIED_BYTES, dtype=torch.uint8, device=device).fill_(1)
    other, one = torch.empty_like(there).fill_(0), torch.zeros(1, device=device)
    here = torch.empty(_COPIED_BYTES, dtype=torch.uint8, pin_memory=True) if gpu else None
    single = torch.zeros(1)

    def launches() -> None:
        for _ in range(_CALLS):
            one.add_(1)

    copied = _best_s(lambda: other.copy_(there), device)
    return Probe(
        device=torch.cuda.get_device_name(device)
        if gpu
        else min(processor_facts("model name", platform.machine())),
        kind=device.type,
        memory_bytes=torch.cuda.get_device_properties(device).total_memory if gpu else _host_memory_bytes(),
        memory_bytes_per_s=2 * _COPIED_BYTES / copied,
        peak_flops_per_s={word: measured_peak_flops_per_s(device, dtype) for word, dtype in types.items()},
        launch_s=_best_s(launches, device) / _CALLS,
        host_bytes_per_s=_COPIED_BYTES / _best_s(lambda: there.copy_(here), device) if here is not None else 0.0,
        host_copy_s=_best_s(lambda: one.copy_(single), device) if gpu else 0.0,
        threads=0 if gpu else torch.get_num_threads(),
        measured_utc=utc_now(),
    )


def _host_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _best_s(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of some calls, after one that does not count."""
    call()
    best = float("inf")
    for _ in range(_ROUNDS):
        wait_for(device)
        start = time.perf_counter()
        call()
        wait_for(device)
        best = min(best, time.perf_counter() - start)
    return best
