"""JSON of ``optimoe data make``: what a corpus holds."""

from dataclasses import dataclass

from optimoe.trainer.corpus.store import SPLITS, Corpus
from optimoe.trainer.corpus.text import Skipped


@dataclass(frozen=True, kw_only=True)
class CorpusSplitRecord:
    """One side of a corpus.

    Attributes:
        split: ``train`` or ``held_out``.
        documents: How many it has.
        tokens: With the one before each document.
        bytes: Of the text in UTF-8.
        sha256: Of its tokens.
    """

    split: str
    documents: int
    tokens: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TokenisedTextRecord:
    """Text that was tokenised.

    Attributes:
        folder: Where the corpus is.
        made_from: Its files, folders and names.
        tokenizer: ``bytes``, or the file in the folder.
        vocab_size: Ids of the tokenizer.
        held_out_share: Share of documents that are held out.
        splits: What is trained on, and what is held out.
        skipped: What was not read, a line for each reason.
    """

    folder: str
    made_from: tuple[str, ...]
    tokenizer: str
    vocab_size: int
    held_out_share: float
    splits: tuple[CorpusSplitRecord, ...]
    skipped: tuple[str, ...]


def tokenised_record(corpus: Corpus, skipped: Skipped) -> TokenisedTextRecord:
    """A corpus with its counts."""
    facts = corpus.facts
    splits = tuple(
        CorpusSplitRecord(
            split=split,
            documents=facts.num_documents[split],
            tokens=facts.num_tokens[split],
            bytes=facts.num_bytes[split],
            sha256=facts.sha256[split],
        )
        for split in SPLITS
    )
    return TokenisedTextRecord(
        folder=str(corpus.folder),
        made_from=facts.made_from,
        tokenizer=facts.tokenizer,
        vocab_size=facts.vocab_size,
        held_out_share=facts.held_out_share,
        splits=splits,
        skipped=tuple(skipped.lines()),
    )
