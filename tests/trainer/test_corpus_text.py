"""Documents of files, read in pieces, are those of the whole files."""

import json
import tracemalloc
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.core.errors import InputError
from optimoe.trainer.corpus import text as module
from optimoe.trainer.corpus.text import Skipped, documents

MOST = 7
"""Characters of a document here."""


def of_whole_files(files):
    """What is read of files that are held whole, and what is skipped: the definition."""
    found, skipped = [], Skipped()
    for file in files:
        content = file.read_bytes()
        if b"\0" in content[:4096]:
            skipped.add("no text", str(file))
            continue
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            skipped.add("not UTF-8", str(file))
            continue
        texts = [text]
        if file.suffix == ".jsonl":
            texts = []
            for number, line in enumerate(text.split("\n"), 1):
                try:
                    row = json.loads(line) if line.strip() else {"text": ""}
                except ValueError:
                    row = None
                if isinstance(row, dict) and isinstance(row.get("text"), str):
                    texts.append(row["text"])
                else:
                    skipped.add("no JSON object with a text", f"{file}:{number}")
        for one in texts:
            cut = (one[start : start + MOST] for start in range(0, len(one), MOST))
            found += [piece for piece in cut if piece.strip()]
    return found, skipped.reasons


TEXTS = st.text(alphabet="ab é終😀\n\r\u2028\ufeff", max_size=40).map(str.encode)
BROKEN = st.binary(max_size=40)
ROWS = st.lists(
    st.one_of(
        TEXTS.map(lambda text: json.dumps({"text": text.decode()}, ensure_ascii=False).encode()), TEXTS, BROKEN
    ),
    max_size=5,
).map(b"\n".join)
MARKED = st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"])


@settings(max_examples=300, deadline=None)
@given(
    contents=st.lists(st.tuples(MARKED, st.one_of(TEXTS, BROKEN, ROWS)).map(b"".join), min_size=1, max_size=3),
    ending=st.sampled_from([".txt", ".jsonl"]),
    piece=st.integers(4, 9),
)
def test_files_in_pieces_are_the_documents_of_whole_files(tmp_path_factory, contents, ending, piece):
    folder = tmp_path_factory.mktemp("texts")
    files = [folder / f"{number}{ending}" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    skipped = Skipped()
    with patch.object(module, "_PIECE", piece), patch.object(module, "MOST_CHARACTERS", MOST):
        found = list(documents(files, skipped))
    # the look for zeros is at a piece here, of whole files at 4,096 bytes
    if not any(b"\0" in content for content in contents):
        assert (found, skipped.reasons) == of_whole_files(files)


def test_a_text_file_of_many_documents_is_held_one_at_a_time(tmp_path):
    file = tmp_path / "long.txt"
    file.write_bytes(b"many words \xc3\xa9\n" * 1_500_000)
    tracemalloc.start()
    found = sum(len(document) for document in documents([file], Skipped()))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == 13 * 1_500_000
    assert most < file.stat().st_size


def test_a_file_that_becomes_no_text_while_it_is_read_is_one_line(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("words " * 40_000)
    with patch.object(module, "_PIECE", 16_384), patch.object(module, "MOST_CHARACTERS", 8):
        reading = documents([file], Skipped())
        assert next(reading) == "words wo"
        with file.open("r+b") as stream:
            stream.seek(150_000)
            stream.write(b"\xff" * 100)
        with pytest.raises(InputError, match="must stay as it is while it is read"):
            list(reading)
