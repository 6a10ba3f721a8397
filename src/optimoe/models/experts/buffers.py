"""Large CPU tensors from memory that is handed back and handed out again.

A fresh large tensor costs a page fault per 4 KiB, at 2–4 GB/s several times its use: a layer of 256 experts spends
a quarter of a training step so, on gradients as large as its weights. The C library returns such memory to the
system whenever a tensor dies; this pool keeps it, as PyTorch's own allocator does on a GPU.
"""

import mmap
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from math import prod
from threading import RLock

import torch
from torch import Tensor

SMALLEST_BYTES = 2**18
"""Bytes below which a tensor comes from PyTorch: the C library keeps such blocks (it hands back those above its
mmap threshold, 128 KiB at first), and a lock and a finalizer would cost more than their few page faults."""
LARGEST_WASTE = 1.25
"""Most bytes of a block per byte asked for. Sizes recur in every step, exactly or, where the routing makes them,
to some percent: a tighter bound would miss those, a looser one would lock away memory that nobody uses."""
MOST_HELD = 2
"""Most bytes held per byte that was in use at once. The forward pass wants other sizes than the backward pass,
which sets gradients beside the last of what was kept: at 1, one evicts the other's blocks in every step."""


class BufferPool:
    """Blocks of CPU memory that come back when the last tensor on them dies.

    It never holds more than twice what was in use at once (:data:`MOST_HELD`): a block that would exceed that is
    given back to the system, the longest idle one first.
    """

    def __init__(self) -> None:
        self._lock = RLock()  # a tensor may die, and its block come back, while the lock is held
        self._idle: OrderedDict[int, Tensor] = OrderedDict()
        self._keys = count()
        self.in_use_bytes = self.idle_bytes = self.peak_bytes = 0

    def empty(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """An uninitialised tensor of that shape, of the type and on the device of ``like``.

        Small ones, and those of other devices, come from PyTorch.
        """
        num_bytes = prod(shape) * like.element_size()
        if num_bytes < SMALLEST_BYTES or like.device.type != "cpu":
            return like.new_empty(tuple(shape))
        block = self._take(num_bytes)
        # Views keep the lease alive, not the block: the finalizer runs when the last tensor on the memory is gone.
        # At exit it must not run, as the pool may be gone before.
        lease = block.numpy()  # a new object; the tensor made from it keeps it alive as long as its memory
        weakref.finalize(lease, self._give_back, block).atexit = False
        return torch.from_numpy(lease)[:num_bytes].view(like.dtype).view(tuple(shape))

    def release(self) -> None:
        """Give all idle blocks back to the system."""
        with self._lock:
            self._idle.clear()
            self.idle_bytes, self.peak_bytes = 0, self.in_use_bytes

    def _take(self, num_bytes: int) -> Tensor:
        with self._lock:
            fits = [k for k, b in self._idle.items() if num_bytes <= b.numel() <= LARGEST_WASTE * num_bytes]
            if fits:
                # The smallest that fits: a large block stays free for a large tensor.
                block = self._idle.pop(min(fits, key=lambda key: self._idle[key].numel()))
                self.idle_bytes -= block.numel()
            else:
                block = _fresh(num_bytes)
            self.in_use_bytes += block.numel()
            self.peak_bytes = max(self.peak_bytes, self.in_use_bytes)
            self._trim()
        return block

    def _give_back(self, block: Tensor) -> None:
        with self._lock:
            self.in_use_bytes -= block.numel()
            self._idle[next(self._keys)] = block
            self.idle_bytes += block.numel()
            self._trim()

    def _trim(self) -> None:
        while self.in_use_bytes + self.idle_bytes > MOST_HELD * self.peak_bytes:
            # The longest idle one: shapes of the running step come back soonest.
            _, block = self._idle.popitem(last=False)
            self.idle_bytes -= block.numel()


def _fresh(num_bytes: int) -> Tensor:
    """New memory, on pages of 2 MiB where the system grants them: fewer page faults, fewer misses of the TLB."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return torch.empty(num_bytes, dtype=torch.uint8)
    memory = mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=torch.uint8)


POOL = BufferPool()
"""The pool of this process."""
