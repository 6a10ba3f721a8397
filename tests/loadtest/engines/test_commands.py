"""Engines are started by the commands that their documentation names."""

from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.loadtest.engines.commands import engine_command, require_engine, require_model
from optimoe.loadtest.engines.options import EngineOptions


def line(model="model", port=8000, **options):
    return str(engine_command(EngineOptions(**options), Path(model), port))


def test_vllm_is_told_the_requests_of_each_rank():
    assert line(engine="vllm", requests=33, context=2048, dtype="bfloat16", tp=2, dp=4, ep=8) == (
        "HF_HUB_OFFLINE=1 vllm serve model --dtype bfloat16 --max-model-len 2048 --max-num-seqs 9 "
        "--tensor-parallel-size 2 --data-parallel-size 4 --enable-expert-parallel --host 127.0.0.1 --port 8000"
    )


def test_sglang_is_told_all_requests_and_all_gpus_of_a_stage():
    assert line(engine="sglang", requests=36, context=2048, tp=2, dp=4, ep=8, pp=2) == (
        "HF_HUB_OFFLINE=1 python3 -m sglang.launch_server --model-path model --dtype auto --context-length 2048 "
        "--max-running-requests 36 --tp-size 8 --pp-size 2 --dp-size 4 --ep-size 8 --enable-dp-attention "
        "--host 127.0.0.1 --port 8000"
    )


def test_the_cache_of_transformers_holds_the_longest_requests_and_no_more():
    words = line(engine="transformers", requests=3, context=300, threads=2)
    assert words.startswith("HF_HUB_OFFLINE=1 OMP_NUM_THREADS=2 ")
    assert "serve model --continuous-batching --device cpu --dtype auto --cb-num-blocks 6 " in words


def test_a_name_with_blanks_is_typed_as_one_word():
    assert "'a model.gguf' --requests 4 --context 4096 --threads 1" in line("a model.gguf")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "llamacpp", "tp": 2}, "tp: must be 1 with llamacpp, got 2"),
        ({"requests": 0}, "requests: must be positive, got 0"),
        ({"port": 70000}, "port: must be 0, or a port below 65536, got 70000"),
        ({"engine": "llama.cpp"}, "engine: unknown name 'llama.cpp' (nearest: llamacpp, vllm)"),
    ],
)
def test_options_out_of_their_limits_are_one_line(options, words):
    with pytest.raises((ConfigError, UnknownNameError)) as refused:
        EngineOptions(**options)
    assert str(refused.value) == words


def test_a_model_in_the_format_of_another_engine_is_refused(tmp_path):
    (tmp_path / "config.json").touch()
    with pytest.raises(InputError, match=f"model: must be a .gguf file for llamacpp, got {tmp_path}"):
        require_model("llamacpp", tmp_path)
    with pytest.raises(InputError, match=r"model: must be a folder with config.json for vllm, got .*x.gguf"):
        require_model("vllm", tmp_path / "x.gguf")


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_an_engine_that_is_not_on_the_path_is_said_to_be_missing(engine, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=f"{engine}: needs the command {engine} on PATH"):
        require_engine(engine)
