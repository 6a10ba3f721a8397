"""The catalog: every model counts and names its source."""

import math

import pytest

from optimoe.arch.catalog import find_model, model_names
from optimoe.arch.count import count
from optimoe.arch.hf import to_config
from optimoe.arch.memory import weight_bytes
from optimoe.arch.params import count_params
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalog_is_called_as_its_row_in_any_case(name):
    assert find_model(name.upper()).name == name


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalog_names_its_source(name):
    assert load_facts("optimoe.arch", "models.toml")["model"][name]["source"].strip()


@pytest.mark.parametrize("name", model_names())
def test_every_model_of_the_catalog_counts(name):
    counted = count(find_model(name))
    assert 1e8 < counted.params.active <= counted.params.total < 1e13
    assert math.isfinite(counted.prefill.total)


def test_gpt_4_as_speculated_counts_what_the_article_prints():
    params = count_params(find_model("gpt-4"))
    beside = params.router + params.norms  # the article adds neither
    assert (params.total - beside) / 1e9 == pytest.approx(1796.85, abs=0.005)
    assert (params.active - beside) / 1e9 == pytest.approx(274.82, abs=0.005)
    assert params.attention / 1e9 == pytest.approx(54.92, abs=0.005)


def test_gpt_3_counts_what_its_paper_prints_with_its_embedding_stored_once():
    tied = count_params(find_model("gpt-3"))
    assert tied.total / 1e9 == pytest.approx(174.6, abs=0.01)
    assert (tied.total + tied.embedding) / 1e9 == pytest.approx(175.2, abs=0.05)


@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("llama-3.1-405b", "405.9", "405.9"),
        ("llama-3.3-70b", "70.6", "70.6"),
        ("deepseek-v2", "235.7", "21.4"),
        ("qwen2-57b-a14b", "57.4", "14.2"),
    ],
)
def test_models_count_what_their_makers_say(name, total, active):
    params = count_params(find_model(name))
    assert (f"{params.total / 1e9:.1f}", f"{params.active / 1e9:.1f}") == (total, active)


STATED = {  # billions in total, as their makers state them
    "deepseek-moe-16b": 16.4, "deepseek-v2-lite": 15.7, "moonlight-16b-a3b": 16.0, "ling-mini-2.0": 16.26,
    "glm-4.5": 355, "glm-4.5-air": 106, "hunyuan-large": 389, "llama-4-maverick": 400, "skywork-moe": 146,
    "snowflake-arctic": 480, "jamba-1.5-mini": 52, "jamba-1.5-large": 398, "longcat-flash": 560,
    "trinity-large": 400, "olmo-2-32b": 32, "granite-3.0-2b": 2.5, "granite-3.0-8b": 8.1,
}  # fmt: skip
NOMINAL = {
    "ernie-4.5-21b-a3b": 21,
    "granite-3.0-1b-a400m": 1.3,
    "trinity-nano": 6,
    "olmo-2-7b": 7,
    "smollm3-3b": 3,
}
"""Sizes that their makers round in the name."""


def test_shapes_of_labs_count_the_totals_that_their_makers_state():
    for name, billions in STATED.items():
        assert count_params(find_model(name)).total / 1e9 == pytest.approx(billions, rel=0.015), name
    for name, billions in NOMINAL.items():
        assert count_params(find_model(name)).total / 1e9 == pytest.approx(billions, rel=0.045), name


@pytest.mark.parametrize(
    ("name", "active"),
    [
        ("deepseek-moe-16b", 2.8), ("ling-mini-2.0", 1.43), ("hunyuan-large", 52), ("llama-4-maverick", 17),
        ("snowflake-arctic", 17), ("longcat-flash", 27), ("trinity-large", 13), ("moonlight-16b-a3b", 3.0),
        ("jamba-1.5-large", 94), ("skywork-moe", 22),
    ],
)  # fmt: skip
def test_shapes_of_labs_count_what_a_token_uses_as_their_makers_state_it(name, active):
    assert count_params(find_model(name)).active / 1e9 == pytest.approx(active, rel=0.035)


def test_only_a_guessed_shape_says_whose_guess_it_is():
    assert {name for name in model_names() if find_model(name).speculated} == {"gpt-4"}
    assert find_model("gpt-4").title == "gpt-4 (shape speculated: Epoch AI, December 2024)"
    assert find_model("gpt-3").title == "gpt-3"


@pytest.mark.parametrize(
    ("name", "attention", "routed", "num_bytes"),
    [
        ("deepseek-v3", "fp8", "fp8", 6.73e11),
        ("kimi-k2", "fp8", "fp8", 1.03e12),
        ("kimi-k2.5", "bf16", "int4", 5.94e11),
        ("minimax-m2.5", "fp8", "fp8", 2.30e11),
        ("qwen3-235b-a22b-fp8", "fp8", "fp8", 2.36e11),
        ("gpt-oss-20b", "bf16", "mxfp4", 1.38e10),
        ("gpt-oss-120b", "bf16", "mxfp4", 6.52e10),
        ("qwen3-235b-a22b", "bf16", "bf16", 4.70e11),
    ],
)
def test_models_have_the_formats_that_they_were_released_in(name, attention, routed, num_bytes):
    model = find_model(name)
    layer = model.layers[-1].precisions
    assert (layer.attention, layer.routed_experts) == (attention, routed)
    assert weight_bytes(model).total == pytest.approx(num_bytes, rel=0.005)


def test_a_model_knows_the_longest_context_that_it_was_made_for():
    assert find_model("deepseek-v3").max_context == 163_840
    assert find_model("gpt-3").max_context == 0


def test_a_shape_that_a_text_states_has_no_config_of_its_own():
    with pytest.raises(ConfigError, match="cannot express"):
        to_config(find_model("gpt-4"))
