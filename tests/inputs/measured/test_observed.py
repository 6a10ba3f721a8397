"""The request of ``cost size-from-speed``."""

import math

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.inputs.measured.observed import SizeFromSpeedRequest
from optimoe.inputs.tables import read_request


def asked(**words):
    return read_request(SizeFromSpeedRequest, {"gpus": "8xh100-sxm", **words})


def test_what_is_left_out_is_open_and_what_is_stated_is_not():
    assert asked(tokens_per_s=50).stated() == frozenset()
    known = {"precision": "fp8", "margin": 0.0, "utilisation": 0.7, "draft_tokens": 2, "acceptance": 0.6}
    assert asked(**known).stated() == {"precision", "margin", "utilisation", "drafts"}
    rest = {"calibration": "sglang-0.5.9", "aspect": 64, "ffn_ratio": 2}
    assert asked(**rest).stated() == {"engine", "depth", "width"}
    assert asked(**rest).shape().aspect == 64
    assert asked().shape().aspect == 128
    assert asked().deployment().engine.execution.precision == "bf16"
    assert asked(precision="fp8").deployment().engine.execution.precision == "fp8"


def test_a_price_of_prompts_is_added_to_that_of_their_answers():
    """Three tokens of prompt for one of answer: $1 + 3 · $0.20 per million tokens of answers."""
    seen = asked(usd_per_mtok=1.0, input_usd_per_mtok=0.2, input_tokens=1536, output_tokens=512).observed()
    assert seen.usd_per_mtok == pytest.approx(1.6)
    assert asked(tokens_per_s=9).observed().usd_per_mtok == math.inf


def test_sparsity_is_experts_over_active_ones_and_experts_stand_in_its_place():
    assert [(kind.num_experts, kind.top_k) for kind in asked(sparsity="4,1.5", top_k=2).kinds()] == [
        (8, 2),
        (3, 2),
    ]
    assert [(kind.num_experts, kind.top_k) for kind in asked(experts="1,64").kinds()] == [(1, 1), (64, 8)]


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"sparsity": "0.75"}, ConfigError, "sparsity: must be at least 1, experts over active experts, got 0.75"),
        ({"sparsity": "1.3"}, InputError, "sparsity × top_k: must be a whole number, got 10.4"),
        ({"experts": "4"}, ConfigError, "top_k: must be at most num_experts = 4, got 8"),
        ({"experts": "many"}, InputError, "--experts: must be whole numbers like 1,8,32, got 'many'"),
    ],
)
def test_experts_that_are_no_numbers_of_experts_are_refused(words, error, message):
    with pytest.raises(error, match=message.replace("(", r"\(")):
        asked(**words).kinds()


def test_a_negative_price_of_prompts_is_refused():
    with pytest.raises(ConfigError, match="input_usd_per_mtok: must be zero or more and finite, got -1"):
        asked(usd_per_mtok=1.0, input_usd_per_mtok=-1.0).observed()
