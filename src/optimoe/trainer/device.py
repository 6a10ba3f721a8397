"""The device of a run: its threads, and the fastest product that it was seen to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from optimoe.core.errors import require
from optimoe.core.run import RunSpec
from optimoe.models.dense.products import product

_SIZE = {"cpu": 1024, "cuda": 8192}
_SLOW_SIZE = 256
"""Of float16 on a CPU, which few multiply in hardware."""

_SECONDS = 0.3


@contextmanager
def so_many_threads(number: int) -> Iterator[None]:
    """A context in which the CPU has so many threads; 0 leaves them."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What products are computed in, by the word of a run."""


def product_type(run: RunSpec) -> torch.dtype:
    """What a run's matrix products are computed in.

    Raises:
        ConfigError: Its precision is none that is trained in.
    """
    known = f"one of {', '.join(DTYPES)} (of fp8 PyTorch has products, scaled_mm, and no layers that train)"
    require(run.precision in DTYPES, "precision", known, run.precision)
    return DTYPES[run.precision]


def products_in(dtype: torch.dtype, device: torch.device) -> torch.autocast:
    """A context in which matrix products are computed in a type; float32 leaves all as it is."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def measured_peak_flops_per_s(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of the best of a third of a second of square products, 2·n³ each, by the library of the experts."""
    slow = device.type == "cpu" and dtype == torch.float16
    size = _SLOW_SIZE if slow else _SIZE.get(device.type, 1024)
    one, other, out = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(3))
    clock = clock_of(device)
    best, until = 0.0, time.perf_counter() + _SECONDS
    product(one, other, out)  # the first call sets up libraries
    while time.perf_counter() < until or not best:
        wait_for(device)
        start = clock()
        product(one, other, out)
        wait_for(device)
        best = max(best, 2 * size**3 / (clock() - start))
    return best


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds to time calls by: of the wall, or of this thread where it is all that works, whatever else runs."""
    return time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what was asked of it; a CPU has when a call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
