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


def cut_shares(ends: list[int], most_rows: int, work_per_slot: int, tile: int = 1) -> list[list[Slice]]:
    """Cut sorted slots into one equal share per thread, and each share into slices of one expert.

    Args:
        ends: Where each expert's slots end, at whole tiles.
        most_rows: Most slots of a slice.
        work_per_slot: Multiplications; little work in all makes one share.
        tile: Slots that are not parted.
    """
    total = ends[-1]
    num_shares = max(min(torch.get_num_threads(), MOST_SHARES, total * work_per_slot // SMALLEST_SHARE), 1)
    # Equal numbers of slots, not of experts: a busy expert is cut between threads rather than waited for.
    bounds = [total // tile * share // num_shares * tile for share in range(num_shares + 1)]
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


def group_passes(slices: list[Slice], most_rows: int) -> list[list[Slice]]:
    """Put consecutive slices together into passes of at most so many rows, or of one slice."""
    passes: list[list[Slice]] = []
    for part in slices:
        if passes and part.end - passes[-1][0].start <= most_rows:
            passes[-1].append(part)
        else:
            passes.append([part])
    return passes


class Scratch:
    """Scratch space that one pass of a share hands to the next, by name.

    Args:
        like: A tensor of the type and on the device of all.
        most_rows: Most rows of a pass.
        columns: Columns of all names together.

    Attributes:
        rows: Rows of the pass that it serves now.
    """

    def __init__(self, like: Tensor, most_rows: int, columns: int) -> None:
        # A power of two: sizes recur from step to step, whatever the routing, and the pool has them.
        self.rows, self.most_rows = most_rows, 1 << max(most_rows - 1, 0).bit_length()
        self.free = POOL.empty((self.most_rows * columns,), like)
        self.blocks: dict[str, Tensor] = {}

    def __call__(self, name: str, columns: int) -> Tensor:
        """A contiguous (rows, columns) tensor, always as wide; what it held before is lost."""
        if name not in self.blocks:
            size = self.most_rows * columns
            self.blocks[name], self.free = self.free[:size].view(self.most_rows, columns), self.free[size:]
        block = self.blocks[name]
        return block if self.rows == self.most_rows else block[: self.rows]
