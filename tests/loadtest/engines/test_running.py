"""Engines serve a trained model as it samples itself, and say why where they do not."""

import os
import re
import signal
import socket
import sys

import pytest

from optimoe.core.errors import ConfigError
from optimoe.loadtest.engines import commands
from optimoe.loadtest.engines.commands import EngineCommand
from optimoe.loadtest.engines.options import EngineOptions
from optimoe.loadtest.engines.running import EngineError, engine_running
from optimoe.models.inference.sampling import Sampling
from optimoe.trainer.results.sample import sample_text
from optimoe.trainer.results.trained import load_run
from tests.loadtest.engines.served import alive, completed, llamacpp, transformers

PROMPT = "the router sends"


def own(tiny, num_tokens):
    sampling = Sampling(max_new_tokens=num_tokens, temperature=0.0)
    return sample_text(load_run(tiny / "run"), PROMPT, sampling).text


@llamacpp
def test_llama_cpp_goes_on_as_the_trained_model_does_and_is_gone_after(tiny):
    with engine_running(EngineOptions(context=128), tiny / "tiny.gguf") as engine:
        assert completed(engine.url, engine.model, PROMPT, 40) == own(tiny, 40)
        assert engine.version[:4] >= "2026" and f"--port {engine.url.rpartition(':')[2]}" in engine.command
        engine.require_running()
    assert alive("tiny.gguf") == {}


@transformers
def test_transformers_goes_on_as_the_trained_model_does_and_is_gone_after(tiny):
    with engine_running(EngineOptions(engine="transformers", context=128), tiny / "hf") as engine:
        assert completed(engine.url, engine.model, PROMPT, 40) == own(tiny, 40)
    assert alive(f"serve {tiny}") == {}


@llamacpp
def test_an_engine_that_is_killed_while_it_is_needed_is_an_error(tiny):
    with engine_running(EngineOptions(context=128), tiny / "tiny.gguf") as engine:
        os.kill(engine.program.pid, signal.SIGKILL)
        while not engine.program.ended:
            pass
        with pytest.raises(EngineError, match="llamacpp: was ended by SIGKILL while it was needed"):
            engine.require_running()


def refused(options, model):
    """The error of an engine that does not come to serve."""
    with pytest.raises((EngineError, ConfigError)) as failed, engine_running(options, model):
        pass
    return failed.value


@llamacpp
def test_a_file_that_llama_cpp_cannot_load_is_its_own_last_words(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF or not")
    error = refused(EngineOptions(), tmp_path / "broken.gguf")
    assert str(error).startswith("llamacpp: ended with status 1 before it answered, last saying: ")
    assert any("error loading model" in line for line in error.last_lines)


def pretend(monkeypatch, folder, *words):
    """A program that is started in place of vLLM, on a folder that looks like a model's."""
    (folder / "config.json").touch()
    monkeypatch.setitem(commands._COMMANDS, "vllm", lambda *_: EngineCommand(words=words))
    monkeypatch.setattr(commands.shutil, "which", lambda _: "/bin/vllm")


def test_an_engine_that_stays_silent_is_given_up_and_ended(tmp_path, monkeypatch):
    pretend(monkeypatch, tmp_path, "sh", "-c", "echo loading; sleep 98781")
    error = refused(EngineOptions(engine="vllm", start_s=0.3), tmp_path)
    assert re.fullmatch(r"vllm: gave no answer at .*/health within 0.3 s \(--start-s\)", str(error))
    assert error.last_lines == ("loading",)
    assert alive("sleep 98781", within_s=5) == {}


def test_an_engine_that_is_well_and_answers_no_request_is_an_error(tmp_path, monkeypatch):
    """A server that knows the place /health, as a file, and nothing else."""
    (tmp_path / "health").touch()
    monkeypatch.chdir(tmp_path)
    pretend(monkeypatch, tmp_path, sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "18943")
    error = refused(EngineOptions(engine="vllm", port=18943, start_s=20), tmp_path)
    assert re.match(r"vllm: gave no answer to a first request \(.*501", str(error))


def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path, monkeypatch):
    pretend(monkeypatch, tmp_path, "no-such-program")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refused(EngineOptions(engine="vllm", port=port), tmp_path)
    assert str(error) == f"port: must be free at 127.0.0.1 (Address already in use), got {port}"
