"""Equal shares of sorted slots for the threads of a CPU.

A matrix product of a few hundred rows, and the elementwise steps around it, end at a barrier of all threads each:
with many experts the threads wait for each other, and on a machine that others use as well a barrier may cost a
time slice. Here each thread runs whole slices by itself.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from optimoe.models.experts.buffers import POOL
from optimoe.models.experts.products import row_tile

MOST_SHARES = 8
"""Most shares of a pass; more threads split each share's operations among them instead. Between operations every
share needs Python's lock, so that more shares would wait for each other's turn."""
SMALLEST_SHARE = 2**33
"""Multiplications of a share that repay a thread of its own, tens of milliseconds of work: OpenMP's threads spin
some milliseconds after their last work before they leave a core to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """Consecutive slots of one expert.

    Attributes:
        share: The share it belongs to.
        expert: The expert.
        start, end: The slots, in sorted order.
        first: Whether it is the share's first of that expert.
        taken_over: Whether an earlier share holds the expert's first slots.
    """

    share: int
    expert: int
    start: int
    end: int
    first: bool
    taken_over: bool

    @property
    def rows(self) -> slice:
        """The slots as an index of tensors in sorted order."""
        return slice(self.start, self.end)

    @property
    def num_rows(self) -> int:
        """The number of slots in the slice."""
        return self.end - self.start


def cut_shares(ends: list[int], most_rows: int, work_per_slot: int) -> list[list[Slice]]:
    """Cut sorted slots into one equal share per thread, and each share into slices of one expert.

    Args:
        ends: Where each expert's slots end.
        most_rows: Most slots of a slice.
        work_per_slot: Multiplications; little work in all makes one share.
    """
    total = ends[-1]
    num_shares = max(min(torch.get_num_threads(), MOST_SHARES, total * work_per_slot // SMALLEST_SHARE), 1)
    # Equal numbers of slots, not of experts: a busy expert is cut between threads rather than waited for.
    bounds = [total * share // num_shares for share in range(num_shares + 1)]
    shares: list[list[Slice]] = [[] for _ in range(num_shares)]
    start = 0
    for expert, end in enumerate(ends):
        for share in range(num_shares):
            low, high = max(start, bounds[share]), min(end, bounds[share + 1])
            for row in range(low, high, most_rows):
                shares[share].append(
                    Slice(
                        share=share,
                        expert=expert,
                        start=row,
                        end=min(row + most_rows, high),
                        first=row == low,
                        taken_over=low > start,
                    )
                )
        start = end
    return shares


def run_shares(run: Callable[[list[Slice]], None], shares: list[list[Slice]]) -> None:
    """Run each share in a thread of its own, the first in this one, and wait for all.

    Meanwhile PyTorch's threads are divided among the shares. That setting is the process's: operations that
    another thread runs at the same time see it too.
    """
    if len(shares) == 1:
        run(shares[0])
        return
    num_threads = torch.get_num_threads()

    def work(slices: list[Slice]) -> None:
        torch.set_num_threads(num_threads // len(shares))
        with torch.no_grad():
            run(slices)

    try:
        with ThreadPoolExecutor(len(shares) - 1) as others:
            waiting = [others.submit(work, slices) for slices in shares[1:]]
            work(shares[0])
            for future in waiting:
                future.result()
    finally:
        torch.set_num_threads(num_threads)


class Scratch:
    """Scratch space that one slice of a share hands to the next, by name."""

    def __init__(self, like: Tensor, slices: list[Slice]) -> None:
        self.like, self.tile = like, row_tile(like)
        most_rows = max((part.num_rows for part in slices), default=0)
        # A power of two: sizes recur from step to step, whatever the routing, and the pool has them.
        self.most_rows = self._padded(1 << (most_rows - 1).bit_length() if most_rows else 0)
        self.blocks: dict[str, Tensor] = {}

    def __call__(self, name: str, rows: int, columns: int) -> Tensor:
        """A contiguous (P, columns) tensor, always as wide, with P ≥ rows padded to whole tiles of a product.

        Rows of padding are zero, so that they add nothing to a product over rows; what others held is lost.
        """
        if name not in self.blocks:
            self.blocks[name] = POOL.empty((self.most_rows, columns), self.like)
        padded = self._padded(rows)
        block = self.blocks[name] if padded == self.most_rows else self.blocks[name][:padded]
        if padded > rows:
            block[rows:].zero_()
        return block

    def _padded(self, rows: int) -> int:
        return -(-rows // self.tile) * self.tile
