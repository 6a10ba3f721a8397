"""``optimoe arch``: counts, columns, and files that are no model."""

import json

import pytest

from tests.app.run import MIXTRAL, answer, optimoe


@pytest.fixture
def mixtral(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MIXTRAL))
    return path


def test_mixtral_is_counted_exactly(mixtral):
    record = answer("arch", mixtral)
    assert record["params_total"] == 46_702_792_704
    assert record["params_active"] == 12_879_925_248
    assert record["kv_bytes_per_token"] == 131_072
    assert record["sparsity"] == 0.75
    assert set(record["flops_per_token"]) == {"prefill", "decode", "train"}
    assert {"parts", "granularity", "params_nonembedding", "expert_attention_flops_ratio"} <= set(record)


def test_several_models_stand_side_by_side(mixtral):
    assert [m["name"] for m in answer("arch", "mixtral-8x22b", "llama-3.1-8b")["models"]] == [
        "mixtral-8x22b",
        "llama-3.1-8b",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json", "not JSON"),
        ("[1]", "JSON object"),
        ('{"model_type": "mixtral"}', "missing"),
        (json.dumps(MIXTRAL | {"num_experts_per_tok": 9}), "at most num_experts = 8, got 9"),
        (json.dumps(MIXTRAL | {"hidden_size": -4096}), "hidden_size"),
        (json.dumps(MIXTRAL | {"hidden_size": "4096"}), "hidden_size"),
    ],
)
def test_a_config_that_is_none_is_one_line_and_exit_2(content, words, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(content)
    done = optimoe("arch", path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
