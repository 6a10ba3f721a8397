"""Standard output and error that are closed, full or in a small character set; Ctrl-C from the first import."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from types import ModuleType

import pytest

from optimoe.__main__ import main as begin
from optimoe.app.main import main
from optimoe.app.streams import PLAIN, prepare_streams

COMMAND = f"{sys.executable} -m optimoe"


def shell(command, **env):
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env=os.environ | env, timeout=60
    )


@pytest.mark.parametrize("words", ["arch mixtral-8x7b", "laws list --json", "--help"])
def test_a_full_disk_is_one_line(words):
    done = shell(f"{COMMAND} {words} > /dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        "optimoe: standard output: cannot be written (No space left on device)\n",
    )


def test_a_closed_output_is_one_line_and_takes_no_file_s_number(tmp_path):
    done = shell(f"{COMMAND} arch mixtral-8x7b --hf {tmp_path}/m >&-")
    assert done.returncode == 2
    assert done.stderr.startswith("optimoe: standard output: must be open") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_closed_standard_error_puts_nothing_among_the_answer():
    assert (done := shell(f"{COMMAND} arch nope 2>&-")).returncode == 2
    assert done.stdout == ""
    assert shell(f"{COMMAND} arch nope >&- 2>&- <&-").returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "latin-1"])
def test_a_small_character_set_shows_likenesses(encoding):
    words = "cost mixtral-8x7b --gpus 8xh100-sxm --tp 2 --pp 2 --dp 2 --ep 4"
    done = subprocess.run(
        [*COMMAND.split(), *words.split()], capture_output=True, check=False,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first = done.stdout.decode(encoding).splitlines()[0]
    cross = "×" if encoding == "latin-1" else "x"
    assert first == f"Model    mixtral-8x7b on 8 {cross} h100-sxm, tp 2 {cross} pp 2 {cross} dp 2, ep 4"


def printed(encoding, words):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with redirect_stdout(stream):
        main(words)
    return stream.buffer.getvalue().decode(encoding)


def test_json_in_a_small_character_set_is_the_same_json():
    plain, escaped = (printed(one, ["laws", "list", "--json"]) for one in ("utf-8", "ascii"))
    assert not plain.isascii() and escaped.isascii()
    assert json.loads(escaped)["laws"] == json.loads(plain)["laws"]


def test_letters_without_a_likeness_are_question_marks():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with redirect_stdout(stream):
        prepare_streams()
        print("漢 × – µ …", flush=True)
    assert stream.errors == PLAIN
    assert stream.buffer.getvalue() == b"? x - u ...\n"


def test_a_command_begins_before_any_module_of_ours_is_loaded():
    code = (
        "import sys, optimoe.__main__; print(sorted(name for name in sys.modules if name.startswith('optimoe')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['optimoe', 'optimoe.__main__']\n"


def test_ctrl_c_while_modules_load_is_one_line(monkeypatch, capsys):
    class Interrupted(ModuleType):
        def __getattr__(self, name):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "optimoe.app.main", Interrupted("main"))
    with pytest.raises(SystemExit) as ended:
        begin()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "optimoe: interrupted\n"
