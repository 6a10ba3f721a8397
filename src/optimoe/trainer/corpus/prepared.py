"""Corpora of the sources that runs name: made once, found again while neither text nor tokenizer changes."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from optimoe.core.errors import require
from optimoe.trainer.corpus.make import HELD_OUT_SHARE, learn_tokenizer, make_corpus
from optimoe.trainer.corpus.sources import find_source
from optimoe.trainer.corpus.store import Corpus, is_corpus
from optimoe.trainer.corpus.tokenizers import BYTES, TOKENIZER_FILE, find_tokenizer, learned_size

DIGITS = 12
"""Of the hash in a folder's name, in hexadecimal."""


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """How text that is no corpus yet becomes one.

    Attributes:
        folder: Where corpora are kept.
        held_out_share: Of the documents.
        most_tokens: Of each source, to train on; 0 for all.
    """

    folder: Path
    held_out_share: float = HELD_OUT_SHARE
    most_tokens: int = 0

    def corpus(self, source: str, tokenizer: str, say: Callable[[str], None]) -> Corpus:
        """The corpus of a source: the folder itself where it holds one, else that of its text.

        Args:
            source: A corpus, a file or folder of text, or a name of
                :func:`~optimoe.trainer.corpus.sources.find_source`.
            tokenizer: Of its text; empty for bytes, or for that of the corpus.
            say: Is told what is made, and what was not read.

        Raises:
            InputError: There is no such source or tokenizer, or one cannot be read.
            ConfigError: The corpus has another tokenizer, or a split would be empty.
        """
        if is_corpus(Path(source)):
            corpus = Corpus(Path(source))
            _require_tokenizer(corpus, tokenizer)
            return corpus
        name = tokenizer or BYTES
        folder = self.folder / f"{_slug(source)}-{self._key(source, name)}"
        if is_corpus(folder):
            return Corpus(folder)
        say(f"{source}: tokenised once, into {folder}")
        corpus, skipped = make_corpus(
            folder, [source], name, held_out_share=self.held_out_share, most_tokens=self.most_tokens
        )
        for line in skipped.lines():
            say(f"{source}: {line}")
        return corpus

    def tokenizer(self, sources: Sequence[str], name: str, say: Callable[[str], None]) -> str:
        """The tokenizer of a run's sources: as it is named, or the file of one that is learned from all of them.

        Args:
            sources: Those of the run.
            name: Of its tokenizer; ``bpe:SIZE`` is learned once from the documents that are not held out.
            say: Is told what is learned.

        Raises:
            InputError: A source cannot be read.
            ConfigError: A source is a corpus, which has a tokenizer, or the size is none of a vocabulary.
        """
        size = learned_size(name)
        if not size:
            return name
        for source in sources:
            stays = "left out, as the corpus has its own"
            require(not is_corpus(Path(source)), f"tokenizer of {source}", stays, name)
        found = [find_source(source) for source in sources]
        digest = hashlib.sha256(str(self.held_out_share).encode())
        for one in found:
            digest.update(f"\0{one.fingerprint()}".encode())
        path = self.folder / f"{_slug(name)}-{digest.hexdigest()[:DIGITS]}.json"
        if not path.is_file():
            say(f"tokenizer of {size} ids: learned once, into {path}")
            self.folder.mkdir(parents=True, exist_ok=True)
            learn_tokenizer(found, size, self.held_out_share, path)
        return str(path)

    def _key(self, source: str, tokenizer: str) -> str:
        """A hash of all that the tokens depend on."""
        find_tokenizer(tokenizer)  # refuses what is none
        path = Path(tokenizer)
        path = path / TOKENIZER_FILE if path.is_dir() else path
        content = BYTES.encode() if tokenizer == BYTES else path.read_bytes()
        digest = hashlib.sha256(content)
        digest.update(f"{self.held_out_share}\0{self.most_tokens}\0{find_source(source).fingerprint()}".encode())
        return digest.hexdigest()[:DIGITS]


def _require_tokenizer(corpus: Corpus, name: str) -> None:
    """Refuse a corpus whose tokenizer is another than the one that is stated, if one is.

    Raises:
        ConfigError: It has other ids.
    """
    if not name:
        return
    own, stated = corpus.tokenizer, find_tokenizer(name)
    same = (own.vocab_size, own.end_of_text) == (stated.vocab_size, stated.end_of_text)
    require(same, f"tokenizer of {corpus.folder}", f"{name}, as stated", own.name)


def _slug(name: str) -> str:
    """What a folder may be called after a source: the last part of a path, letters, digits and dashes."""
    last = name.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "-", last).strip("-.") or "text"
