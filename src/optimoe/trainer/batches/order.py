"""The order of sequences: a function of their number, so that nothing need be kept to go on with it.

Sequence number i of a run is always the same tokens, whatever the ranks, micro-batches and interruptions.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from optimoe.core.errors import require

BLOCK = 4096
"""Sequences over which the mixture's weights hold, each to one sequence: rounding changes a weight by < 1/4096."""


def shares_of_block(weights: Sequence[float]) -> Int[np.ndarray, " sources"]:
    """Sequences of each source in a block, by largest remainders; every source has one at the least.

    Raises:
        ConfigError: There is no source, or more than a block holds.
    """
    require(0 < len(weights) <= BLOCK, "sources", f"1 to {BLOCK}", len(weights))
    exact = np.asarray(weights, float) / sum(weights) * (BLOCK - len(weights)) + 1
    counts = np.floor(exact).astype(np.int64)
    largest = np.argsort(counts - exact, kind="stable")[: BLOCK - counts.sum()]
    counts[largest] += 1
    return counts


def passes(start: int, stop: int, rows: int, rank: int = 0, num_ranks: int = 1) -> list[range]:
    """One rank's part of sequences from ``start`` to before ``stop``, so many rows at once.

    Parts differ by one sequence at most. All ranks have as many passes, some of which may be empty, for all take
    part in whatever ranks do together.
    """
    whole = stop - start
    mine = range(start + whole * rank // num_ranks, start + whole * (rank + 1) // num_ranks)
    return [mine[at : at + rows] for at in range(0, -(-whole // num_ranks), rows)]


class SequenceOrder:
    """Which window of which source each sequence of a run is.

    Within a block of 4,096 sequences every source has its share of them, spread evenly and shuffled a little; of a
    source, windows come in an order that is drawn anew in every epoch.

    Args:
        num_windows: Windows of each source.
        weights: Shares of the sources, relative to each other.
        seed: Of the order.

    Raises:
        ConfigError: A source has no window.
    """

    def __init__(self, num_windows: Sequence[int], weights: Sequence[float], seed: int) -> None:
        for number in num_windows:
            require(number > 0, "tokens of a source", "more than seq_len", f"{number} windows")
        self._num_windows, self._seed = list(num_windows), seed
        self._shares = shares_of_block(weights)
        self._sources = lru_cache(maxsize=4)(self._draw_sources)
        self._windows = lru_cache(maxsize=2 * len(num_windows))(self._draw_windows)

    def sequence(self, number: int) -> tuple[int, int]:
        """The source of a sequence, and its window there."""
        block, place = divmod(number, BLOCK)
        source_B, rank_B = self._sources(block)
        source = int(source_B[place])
        epoch, at = divmod(block * int(self._shares[source]) + int(rank_B[place]), self._num_windows[source])
        return source, int(self._windows(source, epoch)[at])

    def epoch(self, source: int, num_sequences: int) -> float:
        """How often a run of so many sequences sees a source, in the mean."""
        return num_sequences * float(self._shares[source]) / BLOCK / self._num_windows[source]

    def _draw_sources(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """The source of each place of a block, and which of the source's sequences in the block it is."""
        drawn = np.random.default_rng([self._seed, 0, block])
        source_B = np.repeat(np.arange(len(self._shares)), self._shares)
        rank_B = np.concatenate([np.arange(count) for count in self._shares])
        at_B = (rank_B + drawn.random(BLOCK)) / self._shares[source_B]
        order = np.argsort(at_B, kind="stable")
        return source_B[order], rank_B[order]

    def _draw_windows(self, source: int, epoch: int) -> np.ndarray:
        drawn = np.random.default_rng([self._seed, 1 + source, epoch])
        return drawn.permutation(np.arange(self._num_windows[source], dtype=np.uint32))
