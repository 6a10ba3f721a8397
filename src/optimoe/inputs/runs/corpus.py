"""The request of ``optimoe data make``: text that becomes a corpus; and how text is prepared for runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.core.errors import require
from optimoe.inputs.quantities import Quantity, whole
from optimoe.inputs.sources import ShippedList, no_file

if TYPE_CHECKING:
    from optimoe.trainer.corpus.store import Corpus
    from optimoe.trainer.corpus.text import Skipped

Names = Annotated[list[str], Parameter(negative="", consume_multiple=True), ShippedList(no_file)]
"""Files, folders or names, as many as follow; files are not for a network."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TextRequest:
    """How much of a text is held out, and how much is read."""

    held_out: float = 0.01
    """Share of the documents that are held out, each by a hash of its text."""
    most_tokens: Quantity = 0.0
    """Tokens to train on after which no more text is read; 0 for all. A streamed data set may need it."""

    def __post_init__(self) -> None:
        require(0 < self.held_out < 1, "held_out", "between 0 and 1", self.held_out)
        require(self.most_tokens >= 0, "most_tokens", "zero or more", self.most_tokens)

    def tokens(self) -> int:
        """The most tokens, a whole number.

        Raises:
            InputError: It is none.
        """
        return whole("most_tokens", self.most_tokens)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CorpusRequest:
    """Text that is tokenised once."""

    folder: Path = field(kw_only=False)
    """Where the corpus is written."""
    text: Annotated[list[str], Parameter(negative=""), ShippedList(no_file)] = field(kw_only=False)
    """Files of text, JSON lines with a text, folders of them, hf:NAME[:CONFIG], or what every machine has:
    python-stdlib, torch, torch-headers, pydoc-topics."""
    tokenizer: str = "bytes"
    """bytes, a tokenizer.json, a folder with one, or bpe:SIZE, which is learned from what is not held out."""
    vocab_size: Quantity = 0.0
    """Learn a tokenizer of so many ids: as --tokenizer bpe:SIZE."""
    reading: TextRequest = field(default_factory=TextRequest)

    def made(self) -> "tuple[Corpus, Skipped]":
        """The corpus, and what was not read.

        Raises:
            InputError: A source or the tokenizer cannot be read, the folder cannot be written or holds a corpus.
            ConfigError: A split has no document, or the vocabulary is too small.
        """
        from optimoe.trainer.corpus.make import make_corpus

        size = whole("vocab_size", self.vocab_size)
        return make_corpus(
            self.folder,
            self.text,
            f"bpe:{size}" if size else self.tokenizer,
            held_out_share=self.reading.held_out,
            most_tokens=self.reading.tokens(),
        )
