"""A corpus in labelled lines."""

from optimoe.core.units import format_bytes, format_count
from optimoe.report.words.lines import Lines
from optimoe.trainer.corpus.store import SPLITS, Corpus
from optimoe.trainer.corpus.text import Skipped

LABELS = {"train": "Train", "held_out": "Held out"}


def corpus_lines(corpus: Corpus, skipped: Skipped) -> Lines:
    """Documents, tokens and bytes of each side, and what was not read."""
    facts = corpus.facts
    lines = [
        ("Corpus", f"{corpus.folder}, of {', '.join(facts.made_from)}"),
        ("Tokenizer", f"{facts.tokenizer}, {facts.vocab_size:,} ids"),
    ]
    for split in SPLITS:
        tokens, size = facts.num_tokens[split], facts.num_bytes[split]
        counts = f"{facts.num_documents[split]:,} documents, {format_count(tokens)} tokens, {format_bytes(size)}"
        lines.append((LABELS[split], f"{counts} ({size / tokens:.2f} bytes a token)"))
    said = skipped.lines()
    return lines + [("Left out" if not number else "", line) for number, line in enumerate(said)]
