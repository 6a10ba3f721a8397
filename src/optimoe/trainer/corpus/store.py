"""A corpus on disk: token ids and where documents begin, mapped into memory.

A folder holds, for each split, ``SPLIT.tokens`` (little-endian, 16 or 32 bits by the vocabulary) and
``SPLIT.documents`` (64 bits: pairs of a document's first token and first byte, and the two totals at the end);
``corpus.json`` says the rest. Every document begins with the id that ends a text, so that its first token has
something to be predicted from, and the last one something to predict.

Legend: S positions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from optimoe.core.config import build, load_json
from optimoe.core.errors import InputError, require, require_nonnegative, require_positive, require_types
from optimoe.trainer.corpus.tokenizers import BYTES, Tokenizer, find_tokenizer, token_dtype

Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "held_out")
FACTS = "corpus.json"


@dataclass(frozen=True, kw_only=True)
class CorpusFacts:
    """What a corpus is, beside its tokens.

    Attributes:
        tokenizer: ``bytes``, or the file in the folder.
        vocab_size: Ids that its tokenizer knows.
        end_of_text: The id before each document.
        held_out_share: Share of documents that are held out, by a hash of their text.
        num_documents, num_tokens, num_bytes: By split; bytes are those of the text in UTF-8.
        sha256: Of the token files, by split.
        made_from: The files and folders that it was made from.

    Raises:
        ConfigError: A value is out of its limits.
    """

    tokenizer: str
    vocab_size: int
    end_of_text: int
    held_out_share: float
    num_documents: dict[str, int]
    num_tokens: dict[str, int]
    num_bytes: dict[str, int]
    sha256: dict[str, str]
    made_from: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_types(self)
        require_positive(self, "vocab_size")
        require_nonnegative(self, "end_of_text")
        require(0 < self.held_out_share < 1, "held_out_share", "between 0 and 1", self.held_out_share)


class Corpus:
    """One corpus, read by position.

    Attributes:
        folder: Where it is.
        facts: What it is.

    Raises:
        InputError: The folder holds no corpus, or a file of another size than stated.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = build(CorpusFacts, load_json(folder / FACTS), where=str(folder / FACTS))
        self._tokens: dict[Split, Any] = {}
        self._documents: dict[Split, Any] = {}
        for split in SPLITS:
            tokens = _mapped(folder / f"{split}.tokens", token_dtype(self.facts.vocab_size))
            pairs = _mapped(folder / f"{split}.documents", np.dtype("<i8"))
            stated = self.facts.num_tokens[split]
            require(len(tokens) == stated, f"{folder}: {split}.tokens", f"{stated} tokens", len(tokens))
            self._tokens[split], self._documents[split] = tokens, pairs.reshape(-1, 2)

    @property
    def tokenizer(self) -> Tokenizer:
        """What its text was tokenised by."""
        named = self.facts.tokenizer
        return find_tokenizer(named if named == BYTES else str(self.folder / named))

    def num_tokens(self, split: Split) -> int:
        """Tokens of a split."""
        return self.facts.num_tokens[split]

    def num_windows(self, split: Split, seq_len: int) -> int:
        """Whole windows of ``seq_len`` tokens, each with the token after it."""
        return max(0, self.num_tokens(split) - 1) // seq_len

    def window(self, split: Split, start: int, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and the number of each one's document, both (length,) int64, from a position on.

        Args:
            split: Which.
            start: First position.
            length: Tokens; fewer come back at the end of the split.

        Raises:
            InputError: A file was cut since it was opened; the system ends a process that reads what is gone.
        """
        for kind, mapped in (("tokens", self._tokens[split]), ("documents", self._documents[split])):
            _require_whole(self.folder / f"{split}.{kind}", mapped.nbytes)
        ids_S = np.asarray(self._tokens[split][start : start + length], dtype=np.int64)
        starts = self._documents[split][:-1, 0]
        first = int(np.searchsorted(starts, start, side="right")) - 1
        last = int(np.searchsorted(starts, start + len(ids_S), side="left"))
        at_S = np.arange(start, start + len(ids_S))
        document_S = first + np.searchsorted(starts[first + 1 : last], at_S, side="right")
        return ids_S, document_S

    def whole_documents(self, split: Split, most_tokens: int) -> tuple[int, int]:
        """Tokens and bytes of the first documents of a split that ``most_tokens`` hold, one at the least."""
        pairs = self._documents[split]
        last = max(1, int(np.searchsorted(pairs[:, 0], most_tokens, side="right")) - 1)
        last = min(last, len(pairs) - 1)
        return int(pairs[last, 0]), int(pairs[last, 1])


def is_corpus(folder: Path) -> bool:
    """Whether a folder holds a corpus."""
    return (folder / FACTS).is_file()


def _require_whole(path: Path, num_bytes: int) -> None:
    """Refuse to read a file that is not as long any more.

    Raises:
        InputError: It is shorter, or gone.
    """
    try:
        there = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if there < num_bytes:
        raise InputError(f"{path}: must be {num_bytes} bytes as when it was opened, got {there}")


def _mapped(path: Path, dtype: np.dtype[Any]) -> Any:
    """A file as numbers, mapped; empty files cannot be.

    Raises:
        InputError: It is not there.
    """
    try:
        return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.zeros(0, dtype)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
