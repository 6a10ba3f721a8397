"""A command prints for what reads it: a pipe, a narrow pipe, a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from optimoe.app.main import app
from tests.app.run import optimoe

COMMAND = ("arch", "mixtral-8x7b")


def on_a_terminal(columns, **variables):
    """What the command prints on a terminal that is so wide."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    script = "from optimoe.app.main import main; main()"
    command = [sys.executable, "-c", script, *COMMAND]
    done = subprocess.Popen(command, stdout=other, env=environment | {"TERM": "xterm"} | variables)
    os.close(other)
    text = b""
    while chunk := _read(main):
        text += chunk
    assert done.wait() == 0
    return text.decode().replace("\r\n", "\n")


def _read(handle):
    try:
        return os.read(handle, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("columns", [60, 120])
def test_a_terminal_is_filled_and_labels_are_bold(columns):
    text = on_a_terminal(columns)
    rows = text.replace("\033[1m", "").replace("\033[0m", "").splitlines()
    assert columns - 20 < max(map(len, rows)) <= columns
    assert text.startswith("\033[1mModel\033[0m  ")


def test_no_color_prints_no_escapes():
    assert "\033" not in on_a_terminal(80, NO_COLOR="1")


def test_a_pipe_has_no_width_unless_columns_states_one():
    free, narrow = optimoe(*COMMAND, env={"COLUMNS": ""}), optimoe(*COMMAND, env={"COLUMNS": "50"})
    assert max(map(len, free.stdout.splitlines())) > 118
    assert max(map(len, narrow.stdout.splitlines())) <= 50
    assert " ".join(narrow.stdout.split()) == " ".join(free.stdout.split())


@pytest.mark.parametrize(
    "words", ["", "help", "help cost fleet", "cost --help", "arch mixtral-8x7b qwen3-30b-a3b"]
)
def test_no_line_ends_in_a_blank(words):
    done = optimoe(*words.split())
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line != line.rstrip()] == []


def texts(printed):
    """The lines of an answer without their labels and blanks."""
    return [line.split("  ")[-1].strip() for line in printed.splitlines() if line]


@pytest.mark.parametrize(
    "words",
    [
        "arch mixtral-8x7b",
        "cost mixtral-8x7b --gpus 2xh100-sxm --tp 2 --concurrency 4",
        "cost fleet llama-3.1-8b --requests-per-s 2 --gpu h100-sxm",
        "cost train llama-3.1-8b --gpus 8xh100-sxm --tokens 1B",
        "compare mixtral-8x7b --gpus 2xh100-sxm",
        "laws compare mixtral-8x7b --tokens 1T",
    ],
)
def test_a_quiet_command_prints_fewer_of_the_same_lines(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "")  # no line is folded, whatever the terminal is
    app(words.split())
    whole = texts(capsys.readouterr().out)
    app([*words.split(), "--quiet"])
    left = texts(capsys.readouterr().out)
    assert 0 < len(left) < 0.7 * len(whole)
    assert [line for line in left if line not in whole] == []
