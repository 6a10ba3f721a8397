"""A corpus out of text files: tokenised, split by a hash, written whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from optimoe.core.errors import InputError, require
from optimoe.core.files import write_text
from optimoe.core.records import to_json
from optimoe.trainer.corpus.sources import TextSource, find_source
from optimoe.trainer.corpus.store import FACTS, SPLITS, Corpus, CorpusFacts, Split, is_corpus
from optimoe.trainer.corpus.text import Skipped
from optimoe.trainer.corpus.tokenizers import (
    BYTES,
    TOKENIZER_FILE,
    Tokenizer,
    find_tokenizer,
    learned_size,
    train_tokenizer,
)

HELD_OUT_SHARE = 0.01
_AT_ONCE = 256
"""Documents that are tokenised together, in parallel."""


def make_corpus(
    folder: Path,
    sources: Sequence[str | Path],
    tokenizer: str = BYTES,
    *,
    held_out_share: float = HELD_OUT_SHARE,
    most_tokens: int = 0,
) -> tuple[Corpus, Skipped]:
    """Tokenise text into a corpus.

    A document is held out where the first 64 bits of the SHA-256 of its text are below the share: the same text is
    on the same side in every corpus, whatever stands beside it.

    Args:
        folder: Where to; must not hold a corpus.
        sources: Text files, JSON lines with a ``text``, folders of them, or names of
            :func:`~optimoe.trainer.corpus.sources.find_source`.
        tokenizer: ``bytes``, a ``tokenizer.json``, a folder with one, or ``bpe:SIZE``, of which so many ids are
            learned from the documents that are not held out.
        held_out_share: Of the documents.
        most_tokens: To train on, after which no more text is read; 0 for all.

    Returns:
        The corpus, and what was not read.

    Raises:
        InputError: A file cannot be read, the folder cannot be written or holds a corpus.
        ConfigError: No document is left for a split.
    """
    require(0 < held_out_share < 1, "held_out_share", "between 0 and 1", held_out_share)
    if is_corpus(folder):
        raise InputError(f"{folder}: holds a corpus already")
    found, skipped = [find_source(str(source)) for source in sources], Skipped()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            whole = Path(beside) / "whole"
            whole.mkdir()
            chosen = _chosen(tokenizer, found, held_out_share, whole)
            with ExitStack() as files:
                splits = {split: files.enter_context(_Writer(whole, split, chosen)) for split in SPLITS}
                _fill(splits, _tokenised(_texts(found, skipped), chosen), held_out_share, most_tokens)
                facts = _facts(splits, chosen, held_out_share, sources)
            write_text(whole / FACTS, to_json(asdict(facts)) + "\n")
            if folder.exists():
                for file in whole.iterdir():
                    file.replace(folder / file.name)
            else:
                shutil.move(whole, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    return Corpus(folder), skipped


def _texts(sources: Sequence[TextSource], skipped: Skipped) -> Iterator[str]:
    """The documents of all sources, one source after the other."""
    return chain.from_iterable(source.documents(skipped) for source in sources)


def learn_tokenizer(
    sources: Sequence[TextSource], vocab_size: int, held_out_share: float, path: Path
) -> Tokenizer:
    """A tokenizer of so many ids, learned from the documents that are not held out and written to a file.

    Raises:
        InputError: A source cannot be read.
        ConfigError: The vocabulary is smaller than its bytes.
    """
    texts = (text for text in _texts(sources, Skipped()) if not _held_out(_bytes(text), held_out_share))
    return train_tokenizer(texts, vocab_size, path)


def _chosen(name: str, sources: Sequence[TextSource], held_out_share: float, folder: Path) -> Tokenizer:
    """The tokenizer that is asked for, learned where its size is, and written into the folder."""
    if size := learned_size(name):
        return learn_tokenizer(sources, size, held_out_share, folder / TOKENIZER_FILE)
    chosen = find_tokenizer(name)
    chosen.save(folder)
    return chosen


def _fill(
    splits: "dict[Split, _Writer]", documents: Iterator[tuple[bytes, np.ndarray]], share: float, most_tokens: int
) -> None:
    """Write each document to its side, until there are enough tokens."""
    for content, ids in documents:
        splits["held_out" if _held_out(content, share) else "train"].add(len(content), ids)
        if most_tokens and splits["train"].num_tokens >= most_tokens:
            return


def _facts(
    splits: "dict[Split, _Writer]", tokenizer: Tokenizer, share: float, sources: Sequence[str | Path]
) -> CorpusFacts:
    """Write the totals of both splits, and say what they are.

    Raises:
        ConfigError: A split has no document.
    """
    sha256 = {str(split): writer.end() for split, writer in splits.items()}
    for split, writer in splits.items():
        require(writer.num_documents > 0, f"documents of {split}", "one or more", writer.num_documents)
    return CorpusFacts(
        tokenizer=TOKENIZER_FILE if tokenizer.name != BYTES else BYTES,
        vocab_size=tokenizer.vocab_size,
        end_of_text=tokenizer.end_of_text,
        held_out_share=share,
        num_documents={split: writer.num_documents for split, writer in splits.items()},
        num_tokens={split: writer.num_tokens for split, writer in splits.items()},
        num_bytes={split: writer.num_bytes for split, writer in splits.items()},
        sha256=sha256,
        made_from=tuple(map(str, sources)),
    )


@dataclass
class _Writer:
    """The files of one split."""

    folder: Path
    split: Split
    tokenizer: Tokenizer

    def __post_init__(self) -> None:
        self.num_documents = self.num_tokens = self.num_bytes = 0
        self._hash = hashlib.sha256()
        self._tokens: BinaryIO = (self.folder / f"{self.split}.tokens").open("wb")
        self._documents: BinaryIO = (self.folder / f"{self.split}.documents").open("wb")

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._tokens.close()
        self._documents.close()

    def add(self, num_bytes: int, ids: np.ndarray) -> None:
        """Append a document of so many bytes of text."""
        self._mark()
        for tokens in (np.array([self.tokenizer.end_of_text], ids.dtype), ids):
            self._hash.update(tokens.data)
            self._tokens.write(tokens.data)
        self.num_documents += 1
        self.num_tokens += len(ids) + 1
        self.num_bytes += num_bytes

    def end(self) -> str:
        """Write the totals; the hash of the tokens."""
        self._mark()
        return self._hash.hexdigest()

    def _mark(self) -> None:
        self._documents.write(np.array([self.num_tokens, self.num_bytes], "<i8").tobytes())


def _tokenised(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[tuple[bytes, np.ndarray]]:
    """The bytes of each text, and its ids."""
    stream = iter(texts)
    while batch := list(islice(stream, _AT_ONCE)):
        yield from zip(map(_bytes, batch), tokenizer.encode(batch), strict=True)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _held_out(content: bytes, share: float) -> bool:
    first = hashlib.sha256(content).digest()[:8]
    return int.from_bytes(first, "big") < share * 2**64
