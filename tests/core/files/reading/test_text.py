"""Texts in the encodings that people's programs write."""

import os
import threading

import pytest

from optimoe.core.errors import ConfigError
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
