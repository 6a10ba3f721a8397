"""``optimoe compare``."""

import pytest

from optimoe.inputs.models import CompareRequest
from tests.app.run import answer, optimoe

REGIMES = {"prefill", "slow_decode", "fast_decode", "long_context"}


def test_comparing_models_gives_both_kinds_of_dense_equivalents():
    mixtral, dense = answer("compare", "mixtral-8x7b", "llama-3.1-8b", "--gpus", "8xh100-sxm")["models"]
    assert set(mixtral["dense_equivalent_full"]) == set(mixtral["dense_equivalent"]) == REGIMES
    # a dense model's own equivalent is of another depth and width than its own
    assert dense["dense_equivalent_full"]["fast_decode"] == pytest.approx(dense["params_total"], rel=0.15)
    for regime in REGIMES:
        assert len(mixtral["components_full"][regime]) == 5


def test_models_stand_beside_the_dense_models_that_they_are_like():
    mixtral, llama = answer("compare", "mixtral-8x22b", "llama-3.1-8b")["models"]
    assert mixtral["dense_equivalent"]["slow_decode"] == mixtral["params_active"]
    assert mixtral["dense_equivalent"]["long_context"] is None
    assert mixtral["components"]["weight_reads"] == mixtral["params_total"]
    assert 87e9 < mixtral["dense_equivalent"]["fast_decode"] < mixtral["fast_decode_own_depth"] < 90e9
    assert llama["dense_equivalent"]["fast_decode"] == llama["params_total"]


def test_where_no_gpus_are_named_the_largest_model_leaves_half_of_the_memory():
    models = answer("compare", "gpt-4", "llama-3.1-8b")["models"]
    assert all(value is not None for model in models for value in model["dense_equivalent_full"].values())
    request = CompareRequest(model="gpt-4", more=("llama-3.1-8b",))
    assert request.deployment().cluster.num_gpus == 128
    assert CompareRequest(model="mixtral-8x22b").deployment().cluster.num_gpus == 32


def test_a_guessed_shape_and_a_rule_out_of_its_range_are_said():
    gpt4, deepseek = answer("compare", "gpt-4", "deepseek-v3")["models"]
    assert gpt4["arch"]["speculated"] == "Epoch AI, December 2024"
    assert "speculated" not in deepseek["arch"]
    assert gpt4["outside_rule"] == []
    assert "latent attention" in " ".join(deepseek["outside_rule"])


def test_six_models_are_cut_into_tables_no_wider_than_a_line():
    names = ("gpt-4", "gpt-3", "llama-3.1-405b", "llama-3.3-70b", "mixtral-8x22b", "deepseek-v3")
    text = optimoe("compare", *names, "--gpus", "128xh100-sxm", env={"COLUMNS": "100"}).stdout
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("rule of thumb: fast decode") == 2
    assert text.count("dense size, full model") == len(names)
    assert "shape speculated: Epoch AI, December 2024" in text


@pytest.mark.parametrize(
    "words",
    [
        "arch gpt-4",
        "cost gpt-4 --gpus 64xh100-sxm --tp 8 --pp 8 --concurrency 4",
        "cost context gpt-4 --gpus 64xh100-sxm --ttft 30s",
        "laws compare gpt-4 --tokens 13T --laws abnar2025",
    ],
)
def test_every_command_says_that_a_shape_is_guessed(words):
    assert "Epoch AI, December 2024" in optimoe(*words.split()).stdout
    assert "Epoch AI, December 2024" in str(answer(*words.split()))
