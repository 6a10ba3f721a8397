"""Bytes that a run takes at least, held against the memory that is free."""

import os
from pathlib import Path

import torch

from optimoe.core.errors import InputError
from optimoe.core.run import RunSpec
from optimoe.core.units import format_bytes, format_count
from optimoe.trainer.results.record import RunCounts

BYTES_PER_PARAMETER = 16
"""Weight, gradient and AdamW's two moments in float32; Muon has one moment less of its matrices."""

_MEMORY = Path("/proc/meminfo")


def require_memory(run: RunSpec, device: torch.device, ranks: int = 1) -> None:
    """Refuse a run whose weights, gradients and moments alone are more than the memory that is free.

    Args:
        run: Which.
        device: Of a rank.
        ranks: That share them; those of a CPU share its memory too.

    Raises:
        InputError: They are; names the bytes.
    """
    params = RunCounts.of(run).params.total
    gpu = device.type == "cuda"
    needed = BYTES_PER_PARAMETER * params / (ranks if gpu else 1)
    free = torch.cuda.mem_get_info(device)[0] if gpu else free_memory_bytes()
    if needed > free:
        raise InputError(
            f"{run.name}: must have {format_bytes(needed)} of memory for weights, gradients and moments of "
            f"{format_count(params)} parameters, has {format_bytes(free)}; --only leaves it out"
        )


def free_memory_bytes() -> int:
    """Bytes that new processes can take: what Linux calls available, elsewhere the pages that are free."""
    if _MEMORY.is_file():
        rows = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
        return 1024 * int(rows["MemAvailable"].split()[0])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
