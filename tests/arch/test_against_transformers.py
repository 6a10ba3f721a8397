"""Counted on paper against code that nobody here wrote: modules of ``transformers`` on the meta device."""

import csv
import json
import os
from pathlib import Path

import pytest

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.count import count
from optimoe.arch.design import DesignTarget, design
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.config import load_facts
from tests.arch.small_configs import SMALL, small_config
from tests.meta import of_language, without_storage

pytest.importorskip("torch", reason="needs torch, of the extra train")
transformers = pytest.importorskip("transformers", reason="needs transformers, of the extra dev")
DATA = Path(os.environ.get("OPTIMOE_DATA", "")) / "model_configs"
CONFIGS = sorted((DATA / "configs").glob("*.json")) if "OPTIMOE_DATA" in os.environ else []
DBRX_ROPE = {"rope_theta": 500_000.0, "rope_type": "default"}


COUNTED: dict[tuple[type, str], int] = {}
"""Parameters of the models built so far, by all that their configuration holds."""


def read(config):
    """A configuration as ``transformers`` reads it, with what it fills in."""
    config = {key: value for key, value in config.items() if key not in ("quantization_config", "auto_map")}
    model_type = config.pop("model_type")
    if model_type == "llama4":
        config = config["text_config"] | {}
        model_type = config.pop("model_type")
    if model_type == "dbrx" and "d_model" not in config:
        config = {
            "d_model": config["hidden_size"],
            "n_heads": config["num_attention_heads"],
            "n_layers": config["num_hidden_layers"],
            "vocab_size": config["vocab_size"],
            "attn_config": {"kv_n_heads": config["num_key_value_heads"]},
            "ffn_config": {
                "ffn_hidden_size": config["intermediate_size"],
                "moe_num_experts": config["num_experts"],
                "moe_top_k": config["num_experts_per_tok"],
            },
        }
    made = transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type](**config)
    if model_type == "dbrx":  # its attention reads the RoPE base from a place that its configuration lacks
        made.attn_config.rope_theta = DBRX_ROPE["rope_theta"]
        made.rope_parameters = DBRX_ROPE
    return made


def built(read_config):
    """The language model of a configuration that ``transformers`` has read, without storage."""
    padding = getattr(read_config, "pad_token_id", None)
    if isinstance(padding, int) and padding >= read_config.vocab_size:
        read_config.pad_token_id = 0  # the class's own, of which a small vocabulary has no row
    with without_storage():
        return transformers.AutoModelForCausalLM.from_config(read_config)


def parameters(model):
    """What training moves of the language model."""
    return sum(parameter.numel() for parameter in of_language(model))


def built_parameters(config):
    """The number of parameters of the model of a configuration; of equal configurations, one is built."""
    made = read(config)
    key = (type(made), made.to_json_string(use_diff=False))
    if key not in COUNTED:
        COUNTED[key] = parameters(built(made))
    return COUNTED[key]


@pytest.mark.parametrize("model_type", [*SMALL, "dbrx"])
def test_every_family_counts_what_transformers_builds(model_type):
    config = small_config(model_type)
    assert count_params(from_config(config, model_type)).total == built_parameters(config)


@pytest.mark.skipif(not CONFIGS, reason="OPTIMOE_DATA is not set")
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_released_configuration_counts_what_transformers_builds(path):
    config = json.loads(path.read_text())
    assert count_params(from_config(config, path.stem)).total == built_parameters(config)


CATALOG = load_facts("optimoe.arch", "models.toml")["model"]
UNBUILT = {"kimi-k2", "kimi-k2.5", "grok-1", *(name for name, row in CATALOG.items() if "config" not in row)}
"""No class of transformers is theirs, or no ``config.json`` was published."""


@pytest.mark.parametrize("name", [name for name in model_names() if name not in UNBUILT])
def test_every_model_of_the_catalog_counts_what_transformers_builds(name):
    assert count_params(find_model(name)).total == built_parameters(CATALOG[name]["config"])


def test_gpt_3_counts_what_a_gpt_2_of_its_size_is_built_of():
    config = {
        "model_type": "gpt2",
        "n_embd": 12288,
        "n_layer": 96,
        "n_head": 96,
        "n_positions": 2048,
        "vocab_size": 50257,
    }
    assert count_params(find_model("gpt-3")).total == built_parameters(config)


def reported():
    if not CONFIGS:
        return []
    with (DATA / "reported_params.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.skipif(not CONFIGS, reason="OPTIMOE_DATA is not set")
@pytest.mark.parametrize("row", reported(), ids=lambda row: row["model"])
def test_totals_that_makers_report_within_their_rounding(row):
    text = row["reported_total_params_billion"]
    total = count_params(from_config(json.loads((DATA / row["config_file"]).read_text()), row["model"])).total
    digits = len(text.partition(".")[2].rstrip("0"))
    rounding = 0.5 * 10**-digits
    if "Scout" in row["model"]:
        pytest.skip("109B counts the vision tower beside the language model")
    if "MiniMax" in row["model"]:
        rounding = 5.0  # "230B", to the nearest ten
    assert abs(total / 1e9 - float(text)) <= rounding * 1.001


@pytest.mark.parametrize("model_type", ["llama", "mixtral", "qwen3_moe", "gpt_oss", "olmoe", "deepseek_v3"])
def test_active_parameters_are_what_one_token_touches(model_type):
    """The total less the experts that a token does not take, each counted in the built model."""
    config = small_config(model_type)
    model, spec = built(read(config)), from_config(config, model_type)
    idle = sum(
        parameter.numel() * (spec.moe.num_experts - spec.moe.top_k) // spec.moe.num_experts
        for name, parameter in model.named_parameters()
        if ".experts." in name
    )
    assert count(spec).params.active == parameters(model) - idle


@pytest.mark.parametrize("name", [*SMALL, "planned"])
def test_a_written_configuration_loads_in_transformers(name, tmp_path):
    """The folder that ``optimoe arch --hf`` leaves, through AutoConfig and AutoModelForCausalLM."""
    if name == "planned":
        spec = design(DesignTarget(target="params_total", value=2e10, num_experts=16, top_k=2))
        config = to_config(spec)
    else:
        spec = from_config(small_config(name), name)
        config = to_config(spec, name)
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = transformers.AutoConfig.from_pretrained(tmp_path)
    assert parameters(built(loaded)) == count_params(spec).total
