"""Models, GPUs, engines, laws and formats are found as people write them; a network's names are no paths."""

import json
from collections import Counter

import pytest

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.catalog.models import catalog_name, find_config
from optimoe.arch.count import count
from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.arch.quantize import with_precision
from optimoe.core.config import load_facts
from optimoe.core.errors import AmbiguousNameError, UnknownNameError, spelled
from optimoe.cost.calibration import calibration_names, find_calibration
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.preset import engine_names, engine_preset, preset_name
from optimoe.cost.hardware.accelerator import accelerator_names, find_accelerator
from optimoe.cost.layers.execution import Execution
from optimoe.inputs.cost import CostRequest
from optimoe.inputs.models import ArchRequest
from optimoe.inputs.tables import read_request
from optimoe.laws.catalog import FAMILIES, find_family, find_published_law, law_names

MODELS = {
    "Qwen/Qwen3-30B-A3B": "qwen3-30b-a3b",
    "https://huggingface.co/Qwen/Qwen3-30B-A3B/": "qwen3-30b-a3b",
    "Qwen3 30B A3B": "qwen3-30b-a3b",
    "Qwen/Qwen3-Next-80B-A3B-Instruct": "qwen3-next-80b-a3b",  # its row is of ...-Thinking
    "deepseek-ai/DeepSeek-V3": "deepseek-v3",
    "deepseek-ai/DeepSeek-V3-Base": "deepseek-v3",
    "DeepSeekV3": "deepseek-v3",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "meta-llama/Meta-Llama-3.1-70B-Instruct": "llama-3.1-70b",
    "meta-llama/Llama-2-7b-chat-hf": "llama-2-7b",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b",
    "MIXTRAL_8X7B": "mixtral-8x7b",
    "google/gemma-2-9b-it": "gemma-2-9b",
    "GPT4": "gpt-4",
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_found_with_its_organisation_and_in_any_spelling(name):
    assert find_model(name) == find_model(MODELS[name])
    assert find_model(name).name == MODELS[name]


def test_every_model_is_found_by_the_repository_that_its_row_names():
    rows = load_facts("optimoe.arch", "models.toml")["model"]
    named = {name: row["source"].partition(", config.json") for name, row in rows.items()}
    named = {name: repository for name, (repository, found, _) in named.items() if found and "," not in repository}
    assert len(named) > 30
    assert {name: catalog_name(repository) for name, repository in named.items()} == {name: name for name in named}


@pytest.mark.parametrize(
    "name",
    ["mistralai/Mistral-7B-v0.3", "Qwen/Qwen3-30B-A3B-FP8", "moonshotai/Kimi-K2-Thinking", "org/", "hf"],
)
def test_another_version_or_format_is_another_model(name):
    with pytest.raises(UnknownNameError, match="model: unknown name"):
        find_model(name)


def test_a_model_that_several_rows_could_be_is_refused_with_these():
    with pytest.raises(AmbiguousNameError, match=r"may be llama-3\.1-405b, llama-3\.1-70b, llama-3\.1-8b"):
        find_model("Llama-3.1")
    with pytest.raises(AmbiguousNameError, match=r"may be kimi-k2, kimi-k2\.5"):
        find_config("kimi")


def test_a_folder_goes_before_a_name_in_another_spelling(tmp_path, monkeypatch):
    folder = tmp_path / "Qwen" / "Qwen3-30B-A3B"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(find_config("mixtral-8x7b")))
    monkeypatch.chdir(tmp_path)
    assert find_model("Qwen/Qwen3-30B-A3B").d_model == find_model("mixtral-8x7b").d_model
    assert find_config("Qwen/Qwen3-30B-A3B") == find_config("mixtral-8x7b")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("h100", "h100-sxm"),
        ("H100", "h100-sxm"),
        ("h100sxm", "h100-sxm"),
        ("a100-80gb", "a100-sxm"),
        ("A100 80GB", "a100-sxm"),
        ("H200 SXM", "h200-sxm"),
        ("mi300x", "mi300x"),
        ("Instinct MI300X", "mi300x"),
        ("RTX4090", "rtx-4090"),
        ("nvidia_l40s", "l40s"),
    ],
)
def test_a_gpu_is_found_in_any_spelling(name, found):
    assert find_accelerator(name).name == found
    assert find_accelerator(f"{name}@40GB").memory_bytes == 40e9


def test_only_another_name_of_a_gpu_is_noted_and_not_another_spelling():
    assert not find_accelerator("H100 SXM").notes and not find_accelerator("h100sxm").notes
    assert find_accelerator("H100").notes == "H100 is read as h100-sxm."


def test_engines_calibrations_laws_and_families_are_found_in_any_spelling():
    assert engine_preset("vLLM") == engine_preset("vllm")
    assert find_engine("TensorRT-LLM") == find_engine("trtllm")
    assert (preset_name("SGLang"), preset_name("llama.cpp"), preset_name("LMDeploy")) == (
        "sglang",
        "llamacpp",
        "vllm",
    )
    name = calibration_names()[0]
    assert find_calibration(name.upper().replace("-", " ")) == find_calibration(name)
    assert find_published_law("Besiroglu 2024").row == find_published_law("besiroglu2024").row
    assert find_family("Chinchilla") is find_family("chinchilla")
    assert find_family("Besiroglu 2024") is find_family("besiroglu2024")


@pytest.mark.parametrize(
    ("word", "found"), [("FP8", "fp8"), ("bfloat16", "bf16"), ("NVFP4", "nvfp4"), ("int-4", "int4")]
)
def test_a_format_is_found_in_any_spelling(word, found):
    arch = find_model("qwen3-30b-a3b")
    assert with_precision(arch, word) == with_precision(arch, found)
    assert count(arch, precision=word, kv_precision=word) == count(arch, precision=found, kv_precision=found)
    assert Execution(precision=word, kv_precision=word) == Execution(precision=found, kv_precision=found)
    assert Execution(precision="AUTO") == Execution()


CATALOGS = {
    "models": model_names(),
    "gpus": (*accelerator_names(), *load_facts("optimoe.cost", "accelerators.toml")["alias"]),
    "engines": engine_names(),
    "calibrations": calibration_names(),
    "laws": (*law_names(), *FAMILIES),
    "formats": tuple(BITS_PER_VALUE),
}


@pytest.mark.parametrize("catalog", CATALOGS)
def test_no_two_names_of_a_catalog_are_spelled_alike(catalog):
    spellings = Counter(spelled(name) for name in dict.fromkeys(CATALOGS[catalog]))
    assert {name for name, times in spellings.items() if times > 1} == set()


def test_a_network_s_name_becomes_the_one_that_ships_and_no_path(tmp_path, monkeypatch):
    folder = tmp_path / "Qwen" / "Qwen3-30B-A3B"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("not read")
    monkeypatch.chdir(tmp_path)
    for name in ("Qwen/Qwen3-30B-A3B", str(folder), "./Qwen/../Qwen/Qwen3-30B-A3B"):
        assert read_request(ArchRequest, {"model": name}, trusted=False).model == "qwen3-30b-a3b"
    table = {"model": "Mixtral 8x7B", "gpus": "8xH200 SXM@141GB", "engine": "vLLM", "calibration": ""}
    request = read_request(CostRequest, table, trusted=False)
    assert (request.model, request.engine.engine) == ("mixtral-8x7b", "vllm")
    assert request.hardware.cluster().accelerator.memory_bytes == 141e9
    for wrong in ({"gpus": "8x./h100-sxm.toml"}, {"engine": "vllm.toml"}, {"model": "./config.json"}):
        with pytest.raises(UnknownNameError):
            read_request(CostRequest, {"model": "mixtral-8x7b", "gpus": "h100"} | wrong, trusted=False)
