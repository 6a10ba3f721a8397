"""The command as a process: exit codes, broken pipes, and what it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.run import process


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["arch", "mixtral-8x8b"], 2, "nearest: mixtral-8x7b"),
        (["arch"], 2, "model: missing"),
        (["cost", "mixtral-8x7b"], 2, "--gpus requires an argument"),
        (["cost", "mixtral-8x7b", "--gpus", "1xh100-sxm"], 3, "memory"),
    ],
)
def test_a_failure_is_one_line_and_its_exit_code(arguments, code, words):
    done = process(*arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_json_is_one_object_and_nothing_else():
    done = process("arch", "mixtral-8x7b", "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout)["params_total"] == 46_702_792_704


def test_short_words_for_version_and_help_name_the_nearest_command():
    assert process("-V").stdout == process("--version").stdout
    assert process("help", "cost", "fleet").stdout == process("cost", "fleet", "--help").stdout
    wrong = process("help", "cost", "flet")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "nearest: fleet" in wrong.stderr


def test_completion_of_a_shell_is_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert process("--install-completion").returncode == 0
    (script,) = tmp_path.rglob("completions/optimoe")
    assert "fleet" in script.read_text()


COMMANDS = ["", "plan", "train", "data make", "arch", "compare", "reproduce", "cost", "laws", "predictions"]
COMMANDS += [f"predictions {name}" for name in ("add", "outcome")]
COMMANDS += [f"cost {name}" for name in ("fleet", "context", "train", "calibrate", "disaggregate", "curves")]
COMMANDS += [f"laws {name}" for name in ("list", "show", "predict", "fit", "compare", "decide", "check")]


def test_the_help_of_every_command_loads_neither_numpy_nor_torch():
    loop = f"for name in {COMMANDS!r}:\n    main([*name.split(), '--help'])\n"
    code = f"import sys\nfrom optimoe.app.main import main\n{loop}"
    probe = "heavy = {'numpy', 'scipy', 'torch', 'plotly'} & set(sys.modules)\nassert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", code + probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == len(COMMANDS)


@pytest.mark.parametrize("arguments", [["arch", "mixtral-8x7b"], ["arch", "mixtral-8x7b", "--json"]])
def test_counting_loads_neither_numpy_nor_torch(arguments):
    code = f"import sys\nsys.argv = ['optimoe', *{arguments!r}]\nfrom optimoe.app.main import main\nmain()\n"
    probe = "heavy = {'numpy', 'scipy', 'torch', 'plotly'} & set(sys.modules)\nassert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", code + probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "46702792704" in done.stdout.replace(",", "")


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{Path(sys.executable).with_name('optimoe')} laws list | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
