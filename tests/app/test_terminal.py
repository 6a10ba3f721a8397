"""What a terminal gets: tables that fit it, completion for its shell, the next command."""

import sys

import pytest

from optimoe.app.cli import printing
from optimoe.app.main import app
from optimoe.core.results.shown import view_of
from optimoe.report.words.layout import blocks_text
from tests.app.test_every_result import RESULTS, result

WIDTHS = (60, 72, 80, 100, 120, 160, 200)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", RESULTS)
def test_every_answer_fits_a_screen(name, width):
    rows = blocks_text(view_of(result(name)).blocks(), width)
    assert max(map(len, rows)) <= width


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell):
    script = app.generate_completion(shell=shell)
    for word in ("plan", "measure", "curves", "train-gpus"):
        assert word in script


def test_the_next_command_is_told_to_a_person_alone(capsys, monkeypatch):
    printing.suggest("optimoe laws fit x")
    assert capsys.readouterr().err == ""  # a pipe
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    printing.suggest("optimoe laws fit x", "optimoe web")
    assert capsys.readouterr().err == "Next  optimoe laws fit x\n      optimoe web\n"
