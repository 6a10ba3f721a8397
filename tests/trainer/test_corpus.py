"""Text becomes tokens, each document on one side, and every position says which document it is of."""

import hashlib
import sys
import time
import types

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.core.run import Schedule
from optimoe.trainer.batches.loader import Loader
from optimoe.trainer.batches.order import BLOCK, SequenceOrder, shares_of_block
from optimoe.trainer.corpus import make, tokenizers
from optimoe.trainer.corpus.make import make_corpus
from optimoe.trainer.corpus.sources import find_source
from optimoe.trainer.corpus.store import SPLITS
from optimoe.trainer.corpus.text import Skipped
from optimoe.trainer.corpus.tokenizers import ByteTokenizer, find_tokenizer
from optimoe.trainer.steps.schedule import rate_at
from tests.trainer.world import corpus_at, write_text


def texts_of(corpus, split):
    """The documents of a split, decoded."""
    ids, document = corpus.window(split, 0, corpus.num_tokens(split))
    tokenizer = find_tokenizer("bytes")
    return [tokenizer.decode(ids[document == number]) for number in range(document.max() + 1)]


def test_every_document_is_on_one_side_by_its_own_text(tmp_path):
    corpus = corpus_at(tmp_path)
    written = [path.read_text() for path in sorted((tmp_path / "text").iterdir())]
    found = {split: texts_of(corpus, split) for split in SPLITS}
    assert sorted(found["train"] + found["held_out"]) == sorted(written)
    for text in written:
        below = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") < 0.1 * 2**64
        assert (text in found["held_out"]) == below
    again = make_corpus(tmp_path / "half", sorted((tmp_path / "text").iterdir())[::2], held_out_share=0.1)[0]
    assert set(texts_of(again, "held_out")) < set(found["held_out"])


def test_bytes_and_tokens_of_whole_documents_add_up(tmp_path):
    corpus = corpus_at(tmp_path)
    texts = texts_of(corpus, "train")
    assert corpus.whole_documents("train", 10**9) == (corpus.num_tokens("train"), corpus.facts.num_bytes["train"])
    first = len(texts[0]) + 1
    assert corpus.whole_documents("train", first + 1) == corpus.whole_documents("train", 1) == (first, first - 1)


def test_words_and_characters_of_boundaries_are_bytes_of_a_document_like_others(tmp_path):
    texts = ["<|endoftext|>", "Ā<|endoftext|>\nĀ", "a", "\ufeffé\x01", "no\udcffsurrogate"]
    for text, ids in zip(texts, ByteTokenizer().encode(texts), strict=True):
        assert ids.tolist() == list(text.encode("utf-8", errors="replace"))
    for number, text in enumerate(texts[:3] * 20):
        (tmp_path / f"{number:02}.txt").write_text(f"{text}{number}", encoding="utf-8")
    made, _ = make_corpus(tmp_path / "made", sorted(tmp_path.glob("*.txt")), held_out_share=0.2)
    for split in SPLITS:
        ids, document = made.window(split, 0, made.num_tokens(split))
        begins = np.flatnonzero(ids == made.facts.end_of_text)
        assert begins.tolist() == np.flatnonzero(np.diff(document, prepend=-1)).tolist()
        assert len(begins) == made.facts.num_documents[split] > 1
        assert hashlib.sha256(ids.astype("<u2").tobytes()).hexdigest() == made.facts.sha256[split]


def test_bytes_become_ids_by_the_hundred_megabytes_a_second():
    text = ["the router sends a token\n" * 40_000] * 8
    tokenizer, best = ByteTokenizer(), float("inf")
    for _ in range(5):
        start = time.perf_counter()
        ids = tokenizer.encode(text)
        best = min(best, time.perf_counter() - start)
    assert sum(map(len, ids)) == 8_000_000 and 8_000_000 / best > 100e6


def test_a_learned_tokenizer_gives_every_byte_back(tmp_path):
    made, _ = make_corpus(tmp_path / "bpe", [write_text(tmp_path / "text")], "bpe:300", held_out_share=0.1)
    tokenizer = find_tokenizer(str(made.folder))
    text = "tokens à la carte → 終\n\t"
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text
    assert made.facts.vocab_size == 300 and made.num_tokens("train") < 0.5 * made.facts.num_bytes["train"]


def test_a_tokenizer_is_learned_from_what_is_not_held_out(tmp_path, monkeypatch):
    text, learned_from = write_text(tmp_path / "text"), []

    def train_tokenizer(texts, vocab_size, path):
        learned_from.extend(texts)
        return tokenizers.train_tokenizer(learned_from, vocab_size, path)

    monkeypatch.setattr(make, "train_tokenizer", train_tokenizer)
    make_corpus(tmp_path / "learned", [text], "bpe:300", held_out_share=0.1)
    known, _ = make_corpus(tmp_path / "known", [text], held_out_share=0.1)
    assert learned_from == texts_of(known, "train") and texts_of(known, "held_out")


def test_bytes_as_a_file_of_the_library_have_the_same_ids(tmp_path):
    ByteTokenizer().save(tmp_path)
    ours, theirs = ByteTokenizer(), find_tokenizer(str(tmp_path))
    texts = ["".join(map(chr, range(0x250))), "終 \U0010ffff\r\n   don't 12345"]
    pairs = list(zip(theirs.encode(texts), ours.encode(texts), strict=True))
    assert all(one.dtype == other.dtype == "<u2" and one.tolist() == other.tolist() for one, other in pairs)
    assert [theirs.decode([byte]) for byte in range(257)] == [ours.decode([byte]) for byte in range(257)]
    assert (theirs.vocab_size, theirs.end_of_text) == (257, 256)


def test_targets_are_the_next_tokens_and_documents_are_runs(tmp_path):
    corpus = corpus_at(tmp_path)
    batch = Loader([corpus], [1.0], 64, seed=0).sequences(5, 6)
    assert batch.ids_BS.shape == (6, 64) and (batch.ids_BS[:, 1:] == batch.target_BS[:, :-1]).all()
    begins = (batch.ids_BS == corpus.facts.end_of_text)[:, 1:]
    assert ((batch.document_BS.diff() == 1) == begins).all() and begins.any()
    held_out = Loader([corpus], [1.0], 64, seed=0).held_out(0, 10**9, rows=3)
    rows = list(held_out)
    targets = sum(int((one.target_BS >= 0).sum()) for one in rows)
    assert targets == held_out.num_tokens and all(
        ((one.document_BS < 0) == (one.target_BS < 0)).all() for one in rows
    )


def test_an_epoch_sees_every_window_once_and_mixtures_hold_in_every_block():
    order = SequenceOrder([50, 300, 7000], [1, 2, 5], seed=3)
    drawn = [order.sequence(number) for number in range(2 * BLOCK)]
    shares = shares_of_block([1, 2, 5])
    assert shares.sum() == BLOCK and shares[2] == pytest.approx(BLOCK * 5 / 8, abs=2)
    for source, number in enumerate(shares):
        windows = [w for s, w in drawn if s == source]
        assert len(windows) == 2 * number
        length = [50, 300, 7000][source]
        for start in range(0, len(windows) - length + 1, length):
            assert sorted(windows[start : start + length]) == list(range(length))
    early = [s for s, _ in drawn[:160]]
    assert abs(early.count(2) - 100) <= 2 and order.sequence(77) == drawn[77]
    assert [SequenceOrder([50, 300, 7000], [1, 2, 5], seed=4).sequence(n) for n in range(9)] != drawn[:9]


def test_the_rate_rises_stays_and_falls():
    schedule = Schedule(peak_rate=2.0, warmup_tokens=100, cooldown_share=0.5, final_share=0.1)
    at = [rate_at(schedule, 1100, done) for done in (50, 100, 600, 850, 1100)]
    assert at == pytest.approx([1.0, 2.0, 2.0, 1.1, 0.2])
    cosine = Schedule(peak_rate=2.0, kind="cosine", cooldown_share=1.0)
    assert [rate_at(cosine, 100, done) for done in (0, 50, 100)] == pytest.approx([2, 1, 0])
    assert rate_at(Schedule(peak_rate=1.0, cooldown_share=0.0), 100, 99) == 1


def test_text_that_cannot_be_is_refused_or_said(tmp_path):
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/binary").write_bytes(b"\0\1")
    (tmp_path / "a/latin.txt").write_bytes("é".encode("latin-1"))
    rows = ['{"text": "one"}', '{"no": 1}', '{"text": "two"}', *(f'{{"text": "row\u2028{n}"}}' for n in range(60))]
    (tmp_path / "a/rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    corpus, skipped = make_corpus(tmp_path / "made", [tmp_path / "a"], held_out_share=0.2)
    assert sum(corpus.facts.num_documents.values()) == 62
    assert sorted(line.split(":")[0] for line in skipped.lines()) == [
        "1 skipped, no JSON object with a text", "1 skipped, no text", "1 skipped, not UTF-8",
    ]  # fmt: skip
    for refused, words in (
        (lambda: make_corpus(tmp_path / "made", [tmp_path / "a"]), "holds a corpus already"),
        (lambda: make_corpus(tmp_path / "x", [tmp_path / "none"]), "data: must be a file, a folder, hf:NAME"),
        (lambda: make_corpus(tmp_path / "x", [tmp_path / "a"], "no-such"), "tokenizer: must be bytes"),
        (lambda: make_corpus(tmp_path / "x", [tmp_path / "a"], str(broken)), "cannot be read as a tokenizer"),
        (
            lambda: make_corpus(tmp_path / "x", [tmp_path / "a/latin.txt"]),
            "documents of train: must be one or more",
        ),
        (lambda: make_corpus(tmp_path / "x", [tmp_path / "a"], "bpe:9"), "vocab_size: must be 257 or more"),
        (
            lambda: make_corpus(tmp_path / "x", [tmp_path / "a"], "bpe:x"),
            "tokenizer: must be bpe:SIZE with a whole",
        ),
    ):
        with pytest.raises((InputError, ConfigError), match=words):
            refused()
    assert not (tmp_path / "x").exists()


def test_every_machine_has_code_and_prose_by_name():
    modules, topics = (list(find_source(name).documents(Skipped())) for name in ("python-stdlib", "pydoc-topics"))
    assert any(text.startswith('"""Temporary files') for text in modules) and len(modules) > 500
    paths = [path.parts for path in find_source("python-stdlib").files]
    assert not any({"site-packages", "test"} & set(parts[:-1]) for parts in paths)
    assert 'The "assert" statement' in topics[0] and "topics = {" not in topics[0]
    assert all(find_source(name).files for name in ("torch", "torch-headers"))


def test_a_data_set_of_the_hub_is_streamed_until_there_are_enough_tokens(tmp_path, monkeypatch):
    asked, read = [], []

    def load_dataset(*words, **options):
        asked.append((words, options))
        for number in range(10**9):
            read.append(number)
            yield {"text": f"row {number}"} if number % 7 else {"other": 1}

    library = types.ModuleType("datasets")
    library.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", library)
    corpus, skipped = make_corpus(tmp_path / "made", ["hf:some/set:en"], held_out_share=0.1, most_tokens=5000)
    assert asked == [(("some/set", "en"), {"split": "train", "streaming": True})] and len(read) < 2000
    assert 5000 <= corpus.num_tokens("train") < 5010
    assert skipped.lines()[0].endswith("skipped, no column text: hf:some/set:en, row 0")
