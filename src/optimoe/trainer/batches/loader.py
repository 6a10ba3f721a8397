"""Batches of tokens, targets and documents, by number of sequence.

Legend: B sequences, S positions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from optimoe.core.errors import require
from optimoe.trainer.batches.order import SequenceOrder, passes
from optimoe.trainer.corpus.store import Corpus, Split


@dataclass(frozen=True, kw_only=True)
class TokenBatch:
    """Sequences to train on or to look at.

    Attributes:
        ids_BS: Token ids.
        target_BS: The token after each; −100 where there is none.
        document_BS: The document of each token, −1 for padding.
    """

    ids_BS: Tensor
    target_BS: Tensor
    document_BS: Tensor

    def to(self, device: torch.device) -> "TokenBatch":
        """Move its tensors to a device."""
        ids_BS, target_BS, document_BS = (
            one.to(device, non_blocking=True) for one in (self.ids_BS, self.target_BS, self.document_BS)
        )
        return TokenBatch(ids_BS=ids_BS, target_BS=target_BS, document_BS=document_BS)

    def rows(self, start: int, stop: int) -> "TokenBatch":
        """Some of its sequences."""
        return TokenBatch(
            ids_BS=self.ids_BS[start:stop],
            target_BS=self.target_BS[start:stop],
            document_BS=self.document_BS[start:stop],
        )


class Loader:
    """Sequences of a mixture of corpora.

    Args:
        corpora: The sources; all of one tokenizer.
        weights: Their shares of the tokens.
        seq_len: Tokens of a sequence.
        seed: Of the order.

    Raises:
        ConfigError: Tokenizers differ, or a source is shorter than a sequence.
    """

    def __init__(self, corpora: Sequence[Corpus], weights: Sequence[float], seq_len: int, seed: int) -> None:
        require(len(corpora) > 0, "data", "one source or more", len(corpora))
        first = corpora[0].facts
        for corpus in corpora[1:]:
            one, other = ((c.tokenizer, c.vocab_size, c.end_of_text) for c in (first, corpus.facts))
            require(one == other, f"tokenizer of {corpus.folder}", f"that of {corpora[0].folder}, {one}", other)
        self.corpora, self.seq_len = list(corpora), seq_len
        self.weights = [weight / sum(weights) for weight in weights]
        self.order = SequenceOrder([corpus.num_windows("train", seq_len) for corpus in corpora], weights, seed)

    def sequences(self, start: int, count: int) -> TokenBatch:
        """Sequences by number, from ``start`` on; of none, one row of padding."""
        at = [self.order.sequence(number) for number in range(start, start + count)]
        return _stacked(
            [_row(self.corpora[s], "train", w * self.seq_len, self.seq_len) for s, w in at], self.seq_len
        )

    def held_out(self, source: int, most_tokens: int, rows: int, rank: int = 0, num_ranks: int = 1) -> "HeldOut":
        """The first documents that one source holds out, whole, in batches: one rank's part."""
        return HeldOut(self.corpora[source], most_tokens, self.seq_len, rows, rank, num_ranks)


class HeldOut:
    """Whole held-out documents of a corpus, each token predicted once.

    Attributes:
        num_tokens, num_bytes: Of the documents, of all ranks: what a loss is summed over, and what its bits are
            divided by.

    Args:
        corpus: Of which.
        most_tokens: Documents are taken while they fit into so many tokens; one at the least.
        seq_len: Tokens of a sequence.
        rows: Sequences of a batch.
        rank, num_ranks: Whose part of the sequences the batches are; all ranks have as many batches.
    """

    def __init__(
        self, corpus: Corpus, most_tokens: int, seq_len: int, rows: int, rank: int = 0, num_ranks: int = 1
    ) -> None:
        self._corpus, self._seq_len = corpus, seq_len
        self._cut = (rows, rank, num_ranks)
        self.num_tokens, self.num_bytes = corpus.whole_documents("held_out", most_tokens)

    def __iter__(self) -> Iterator[TokenBatch]:
        """Batches, the last row padded."""
        length = self._seq_len
        for some in passes(0, -(-self.num_tokens // length), *self._cut):
            starts = [number * length for number in some]
            rows = [_row(self._corpus, "held_out", at, min(length, self.num_tokens - at)) for at in starts]
            yield _stacked(rows, length)


def _row(corpus: Corpus, split: Split, start: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens, targets and documents from a position on; an end of a text follows the split's last token."""
    ids, document = corpus.window(split, start, length + 1)
    if len(ids) == length:
        ids = np.append(ids, corpus.facts.end_of_text)
    return ids[:length], ids[1 : length + 1], document[:length] - document[0]


def _stacked(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], seq_len: int) -> TokenBatch:
    """Rows of one length, the shorter ones padded at their end; one of padding where there is none."""
    rows = rows or [(np.zeros(0, np.int64),) * 3]
    fills = (0, -100, -1)
    columns = [
        torch.from_numpy(
            np.stack([np.pad(row[i], (0, seq_len - len(row[i])), constant_values=fills[i]) for row in rows])
        )
        for i in range(3)
    ]
    return TokenBatch(ids_BS=columns[0], target_BS=columns[1], document_BS=columns[2])
