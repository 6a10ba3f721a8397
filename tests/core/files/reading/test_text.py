"""Texts in the encodings that people's programs write."""

import os
import threading
from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.files.reading import DelimitedText, Source, text
from optimoe.core.files.reading.text import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_is_decoded_as_its_byte_order_mark_says(tmp_path, encoding):
    (tmp_path / "f").write_bytes("α,β".encode(encoding))
    assert read_text(tmp_path / "f") == "α,β"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"PK\x03\x04\0\0", "got binary data"), ("µ;é".encode("latin-1"), "other bytes at byte 0 .save it as UTF-8")],
)
def test_what_is_no_text_is_one_line(tmp_path, content, words):
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_text(tmp_path / "f")


def test_a_folder_and_a_missing_file_are_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConfigError, match="cannot be read"):
            read_text(path)


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("N,loss"))
    writer.start()
    assert read_text(tmp_path / "pipe") == "N,loss"
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_one_line_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "PIPE_WAIT_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe: a pipe that nobody wrote to for 0\.05 s"):
        read_text(tmp_path / "pipe")


def test_a_table_from_a_pipe_is_read_as_one_from_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("N,loss\n1,2\n3,4\n"))
    writer.start()
    (block,) = DelimitedText.open(tmp_path / "pipe").blocks()
    assert block == [("1", "3"), ("2", "4")]
    writer.join()


def test_what_is_longer_than_is_held_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MOST_HELD", 1000)
    with pytest.raises(ConfigError, match="at most 1,000 bytes"):
        read_text(Path("/dev/zero"))
    (tmp_path / "f").write_text("x" * 11)
    with pytest.raises(ConfigError, match="f: must be a text of at most 10 characters, got more"):
        read_text(tmp_path / "f", 10)


def test_a_line_without_an_end_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "LONGEST_LINE", 10)
    (tmp_path / "f").write_text("N,loss\n" + "1" * 100)
    for read in (lambda: DelimitedText.open(tmp_path / "f"), lambda: list(Source.open(tmp_path / "f").lines())):
        with pytest.raises(ConfigError, match="lines of at most 10 characters, got a longer one"):
            read()


@pytest.mark.parametrize("name", ["x" * 5000, "a/" * 3000, "a\0b"])
def test_names_that_no_file_can_have_are_one_line(name):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_text(Path(name))
