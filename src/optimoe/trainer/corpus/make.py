"""A corpus out of text files: tokenised, split by a hash, written whole or not at all."""

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np

from optimoe.core.errors import InputError, require
from optimoe.core.files import write_text
from optimoe.core.records import to_json
from optimoe.trainer.corpus.store import FACTS, SPLITS, Corpus, CorpusFacts, Split, is_corpus, token_dtype
from optimoe.trainer.corpus.text import Skipped, documents, text_files
from optimoe.trainer.corpus.tokenizers import BYTES, TOKENIZER_FILE, Tokenizer, find_tokenizer, train_tokenizer

HELD_OUT_SHARE = 0.01
_AT_ONCE = 256
"""Documents that are tokenised together, in parallel."""


def make_corpus(
    folder: Path,
    paths: Sequence[Path],
    tokenizer: str = BYTES,
    *,
    vocab_size: int = 0,
    held_out_share: float = HELD_OUT_SHARE,
) -> tuple[Corpus, Skipped]:
    """Tokenise text into a corpus.

    A document is held out where the first 64 bits of the SHA-256 of its text are below the share: the same text is
    on the same side in every corpus, whatever stands beside it.

    Args:
        folder: Where to; must not hold a corpus.
        paths: Text files, JSON lines with a ``text``, or folders of them.
        tokenizer: ``bytes``, a ``tokenizer.json``, or a folder with one.
        vocab_size: Instead of a stated tokenizer, one of so many ids is learned from the text.
        held_out_share: Of the documents.

    Returns:
        The corpus, and what was not read.

    Raises:
        InputError: A file cannot be read, the folder cannot be written or holds a corpus.
        ConfigError: No document is left for a split.
    """
    require(0 < held_out_share < 1, "held_out_share", "between 0 and 1", held_out_share)
    if is_corpus(folder):
        raise InputError(f"{folder}: holds a corpus already")
    files, skipped = text_files(paths), Skipped()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            whole = Path(beside) / "whole"
            whole.mkdir()
            chosen = _chosen(tokenizer, vocab_size, files, whole)
            facts = _write(whole, chosen, documents(files, skipped), held_out_share, paths)
            write_text(whole / FACTS, to_json(asdict(facts)) + "\n")
            if folder.exists():
                for file in whole.iterdir():
                    file.replace(folder / file.name)
            else:
                shutil.move(whole, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from None
    return Corpus(folder), skipped


def _chosen(name: str, vocab_size: int, files: Sequence[Path], folder: Path) -> Tokenizer:
    """The tokenizer that is asked for, learned where its size is, and written into the folder."""
    if vocab_size:
        return train_tokenizer(documents(files, Skipped()), vocab_size, folder / TOKENIZER_FILE)
    chosen = find_tokenizer(name)
    chosen.save(folder)
    return chosen


def _write(
    folder: Path, tokenizer: Tokenizer, texts: Iterable[str], share: float, paths: Sequence[Path]
) -> CorpusFacts:
    """Write the tokens of both splits, and say what they are."""
    splits = {split: _Writer(folder, split, tokenizer) for split in SPLITS}
    for text, ids in _tokenised(texts, tokenizer):
        splits["held_out" if _held_out(text, share) else "train"].add(text, ids)
    sha256 = {str(split): writer.close() for split, writer in splits.items()}
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
        made_from=tuple(map(str, paths)),
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

    def add(self, text: str, ids: list[int]) -> None:
        """Append a document."""
        self._mark()
        content = np.array([self.tokenizer.end_of_text, *ids], token_dtype(self.tokenizer.vocab_size)).tobytes()
        self._hash.update(content)
        self._tokens.write(content)
        self.num_documents += 1
        self.num_tokens += len(ids) + 1
        self.num_bytes += len(text.encode("utf-8", errors="replace"))

    def close(self) -> str:
        """Write the totals; the hash of the tokens."""
        self._mark()
        for file in (self._tokens, self._documents):
            file.close()
        return self._hash.hexdigest()

    def _mark(self) -> None:
        self._documents.write(np.array([self.num_tokens, self.num_bytes], "<i8").tobytes())


def _tokenised(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[tuple[str, list[int]]]:
    stream = iter(texts)
    while batch := list(islice(stream, _AT_ONCE)):
        yield from zip(batch, tokenizer.encode(batch), strict=True)


def _held_out(text: str, share: float) -> bool:
    first = hashlib.sha256(text.encode("utf-8", errors="replace")).digest()[:8]
    return int.from_bytes(first, "big") < share * 2**64
