"""This machine as an accelerator: what it was measured to do, for predictions that are about it."""

import os
import platform
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from optimoe.core.provenance import utc_now
from optimoe.core.units import parse_quantity
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.here import measured_curve
from optimoe.cost.training.setup import TrainPrecision
from optimoe.models.surroundings import processor_facts
from optimoe.trainer.device import measured_peak_flops_per_s
from optimoe.trainer.probing.calls import timed_calls
from optimoe.trainer.probing.clock import best_s
from optimoe.trainer.probing.steps import between_products

_COPIED_BYTES = 1 << 28
"""Of the buffer that is copied: more than a last-level cache holds."""

_CALLS = 200
_HELD_SHARE = 0.125
"""Of the last-level cache, by each of the two buffers of a copy within it: others use it too."""

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_CPU_TYPES: tuple[TrainPrecision, ...] = ("bf16", "fp32")
_GPU_TYPES = ("bf16", "fp16")


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
        cache_bytes: Last-level cache of a CPU that tells it; 0 else.
        cache_bytes_per_s: Bytes read and written by a copy within that cache, over the time.
        curves: Of a CPU: what its operators reach, by family and type.
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
    cache_bytes: int = 0
    cache_bytes_per_s: float = 0.0
    curves: dict[str, dict[str, KernelCurve]] = field(default_factory=dict)

    @property
    def accelerator(self) -> dict[str, Any]:
        """The fields of an accelerator's file (:class:`optimoe.cost.hardware.accelerator.Accelerator`)."""
        on = f", threads: {self.threads}" if self.threads else ""
        copy = f"copy of one number from the host {self.host_copy_s * 1e6:.1f} us" if self.host_copy_s else ""
        return {
            "architecture": "cpu" if self.kind == "cpu" else "",
            "memory_bytes": self.memory_bytes,
            "memory_bytes_per_s": self.memory_bytes_per_s,
            "peak_flops_per_s": self.peak_flops_per_s,
            "host_bytes_per_s": self.host_bytes_per_s,
            "source": f"measured here on {self.measured_utc[:10]}: {self.device}{on}",
            "notes": copy,
            "cache_bytes": self.cache_bytes,
            "cache_bytes_per_s": self.cache_bytes_per_s,
            "threads": self.threads,
            "launch_s": self.launch_s,
            "curves": {
                family: {kind: _coefficients(curve) for kind, curve in kinds.items()}
                for family, kinds in self.curves.items()
            },
        }


def probe_machine(device: torch.device, operators: bool = True) -> Probe:
    """Measure a device; some seconds, and a quarter of a minute for operators, in which nothing else should run.

    Args:
        device: A CPU, with the threads that PyTorch has, or a GPU.
        operators: Whether those of a CPU are measured too, from which its models are predicted.
    """
    found = _data_sheet(device)
    return replace(found, curves=_curves(found)) if operators and device.type == "cpu" else found


def _data_sheet(device: torch.device) -> Probe:
    """Memory, products of large matrices, and latencies: what a data sheet would say."""
    gpu = device.type == "cuda"
    there = torch.empty(_COPIED_BYTES, dtype=torch.uint8, device=device).fill_(1)
    other, one = torch.empty_like(there).fill_(0), torch.zeros(1, device=device)
    here = torch.empty(_COPIED_BYTES, dtype=torch.uint8, pin_memory=True) if gpu else None
    single = torch.zeros(1)
    cache_bytes = 0 if gpu else _cache_bytes()
    held = int(cache_bytes * _HELD_SHARE)

    def launches() -> None:
        for _ in range(_CALLS):
            one.add_(1)

    memory_bytes_per_s = 2 * _COPIED_BYTES / best_s(lambda: other.copy_(there), device)
    cache_bytes_per_s = 2 * held / best_s(lambda: other[:held].copy_(there[:held]), device) if held else 0.0
    return Probe(
        device=torch.cuda.get_device_name(device)
        if gpu
        else min(processor_facts("model name", platform.machine())),
        kind=device.type,
        memory_bytes=torch.cuda.get_device_properties(device).total_memory if gpu else _host_memory_bytes(),
        memory_bytes_per_s=memory_bytes_per_s,
        peak_flops_per_s={
            word: measured_peak_flops_per_s(device, _TYPES[word]) for word in (_GPU_TYPES if gpu else _CPU_TYPES)
        },
        launch_s=best_s(launches, device) / _CALLS,
        host_bytes_per_s=_COPIED_BYTES / best_s(lambda: there.copy_(here), device) if here is not None else 0.0,
        host_copy_s=best_s(lambda: one.copy_(single), device) if gpu else 0.0,
        threads=0 if gpu else torch.get_num_threads(),
        measured_utc=utc_now(),
        cache_bytes=cache_bytes,
        cache_bytes_per_s=max(cache_bytes_per_s, memory_bytes_per_s) if held else 0.0,
    )


def accelerator_of(found: Probe) -> Accelerator:
    """What was measured as an accelerator of that name, without a file."""
    return Accelerator(**{"name": "here", **found.accelerator, "curves": found.curves})


def _curves(found: Probe) -> dict[str, dict[str, KernelCurve]]:
    """What the operators of a CPU reach, by family and type; last what lies between the products of a step.

    An operator that multiplies nothing takes its launch, and its bytes at the rate of a copy.
    """
    gpu = accelerator_of(found)
    curves: dict[str, dict[str, KernelCurve]] = {}
    for word in _CPU_TYPES:
        for calls in timed_calls(_TYPES[word]):
            curves.setdefault(calls.family, {})[word] = measured_curve(gpu, word, calls)
    curves["elementwise"] = {word: KernelCurve(launch_s=found.launch_s) for word in _CPU_TYPES}
    own = replace(gpu, curves=curves)
    return curves | {"training": {word: between_products(own, word) for word in _CPU_TYPES}}


def _coefficients(curve: KernelCurve) -> dict[str, float]:
    """The coefficients of a curve that are not the default."""
    default = asdict(KernelCurve(launch_s=0.0))
    own = {one.name: getattr(curve, one.name) for one in fields(KernelCurve)}
    return {name: value for name, value in own.items() if value != default[name] or name == "launch_s"}


def _host_memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cache_bytes() -> int:
    """The last-level cache of the first core as Linux tells it, 0 where nobody does."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max((int(parse_quantity(one.read_text().strip() + "iB", "bytes")) for one in sizes), default=0)
