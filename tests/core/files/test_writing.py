"""A file is there whole or not at all."""

import os
import signal
import subprocess
import sys
import time

import pytest

from optimoe.core.errors import InputError
from optimoe.core.files import write_text

SLOW_DISK = """
import os, signal, sys, time
from pathlib import Path
from optimoe.core.files import write_text
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
os.fsync = lambda _: (print("writing", flush=True), time.sleep(30))
write_text(Path(sys.argv[1]), "new")
"""


def test_text_that_utf_8_cannot_hold_does_not_stop_a_file_from_being_written(tmp_path):
    write_text(tmp_path / "f", "runs \udcff.csv")
    assert (tmp_path / "f").read_text() == "runs ?.csv"


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    write_text(path, "old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_stands_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_text(tmp_path / "file" / "plan.json", "new")


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "plan.json", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "plan.json").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_ended_while_writing_leaves_the_old_file_and_no_other(tmp_path, number):
    path = tmp_path / "plan.json"
    path.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_DISK, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout.readline() == "writing\n"
    assert len(list(tmp_path.iterdir())) == 2
    time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(timeout=20) != 0
    process.stdout.close()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_sigterm_after_writing_ends_a_process_as_before(tmp_path):
    write_text(tmp_path / "plan.json", "text")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
