"""A share of the oracle: some types, their classes' own configurations and mutations; all in tests/long."""

import json
import random
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs transformers, of the extra dev")

from tests.arch import oracle

FOUND = json.loads((Path(__file__).resolve().parents[2] / "docs" / "families.json").read_text(encoding="utf-8"))
EXACT = sorted(name for name, row in FOUND["types"].items() if row["own"] == "exact")
CHOSEN = random.Random(24).sample(EXACT, 14)


@pytest.mark.parametrize("model_type", CHOSEN)
def test_a_count_is_exact_or_refused_in_a_line(model_type):
    found = oracle.verdicts(model_type, mutants=2, seed=7)
    assert found[0].word == "exact"
    assert [one for one in found if one.word not in ("exact", "refused")] == []


@pytest.mark.parametrize("model_type", ["dots3_note", "qwen2_5_omni", "qwen3_omni_moe", "vibevoice"])
def test_a_head_is_tied_by_what_the_class_of_a_wrapper_reads(model_type):
    assert [one.word for one in oracle.verdicts_on_tying(model_type)] == ["exact"] * 4


def test_a_wrong_count_would_be_found():
    config = oracle.own_config("llama")
    number = oracle.built(config)
    assert oracle.verdict(config, "", number).word == "exact"
    assert oracle.verdict(config | {"intermediate_size": 11_009}, "", number).word == "wrong"
    assert oracle.verdict(config | {"model_type": "nobody"}, "", number).word == "refused"
