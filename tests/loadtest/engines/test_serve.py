"""A run's folder is served by one command, and nothing of it stays when a person ends that."""

import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from optimoe.app.main import app, main
from tests.loadtest.engines.served import alive, command, completed, llamacpp


@contextmanager
def serving(*words):
    """What the command has printed, and its process."""
    with command("serve", *words, "--json") as process:
        lines = []
        while not lines or lines[-1] not in ("}\n", ""):
            lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
        yield json.loads("".join(lines)), process


@llamacpp
def test_a_run_is_served_as_it_samples_until_ctrl_c(tiny, capsys):
    with serving(tiny / "run", "--context", 128) as (told, process):
        text = completed(told["url"], told["model"], "a token", 30)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert alive(told["model"]) == {} and not Path(told["model"]).exists()
    app(["sample", str(tiny / "run"), "--prompt", "a token", "--max-new-tokens", "30", "--json"])
    assert text == json.loads(capsys.readouterr().out)["text"]


@llamacpp
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_command_ends_the_engine(number, tiny):
    with serving(tiny / "tiny.gguf", "--context", 128) as (_, process):
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert alive(str(tiny / "tiny.gguf"), within_s=10) == {}


@llamacpp
def test_an_engine_that_ends_while_it_serves_is_said_with_its_last_words(tiny):
    with serving(tiny / "tiny.gguf", "--context", 128) as (told, process):
        os.kill(told["pid"], signal.SIGKILL)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    *words, last = said.splitlines()
    assert last.startswith("optimoe: llamacpp: was ended by SIGKILL while it was needed, last saying: ")
    assert words and all(line.startswith("  ") for line in words)


@llamacpp
def test_what_is_served_for_some_seconds_is_said_in_lines(tiny, capsys):
    app(["serve", str(tiny / "tiny.gguf"), "--context", "128", "--seconds", "0.01"])
    labels = [line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert labels == ["Serving", "Engine", "Command"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "transformers"], "model: must be a folder with config.json for transformers, got "),
        (["--requests", "0"], "requests: must be positive, got 0"),
        (["--tp", "2"], "tp: must be 1 with llamacpp, got 2"),
        (["--seconds", "-1"], "seconds: must be zero or more, got -1.0"),
    ],
)
def test_what_cannot_be_served_is_one_line(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("optimoe.loadtest.engines.commands.find_spec", lambda _: True)
    with pytest.raises(SystemExit) as left:
        main(["serve", str(tmp_path), *words])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
