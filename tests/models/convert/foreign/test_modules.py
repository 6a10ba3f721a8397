"""What transformers builds is counted by kind of module; what modules do not tell is left open."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError, InputError
from tests.arch.small_configs import small_config

pytest.importorskip("transformers", reason="needs transformers, of the extra dev")

from optimoe.models.convert.foreign.built import build_foreign
from optimoe.models.convert.foreign.modules import count_modules

JAMBA = small_config("jamba")


def test_kinds_of_modules_are_the_parts_of_a_family_that_is_described():
    counted, params = count_modules(JAMBA), count_params(from_config(JAMBA, "x"))
    assert counted.total == params.total
    assert (counted.embedding, counted.unembedding) == (params.embedding, params.unembedding)
    assert (counted.attention, counted.router) == (params.attention, params.router)
    assert (counted.experts, counted.feed_forward) == (params.routed_experts, params.dense_ffn)
    assert counted.recurrent + counted.norms == params.recurrent + params.norms  # Mamba has norms of its own
    assert counted.other == 0


def test_a_tied_head_is_counted_once():
    tied = count_modules(small_config("gemma"))
    assert tied.unembedding == 0
    assert tied.total == count_params(from_config(small_config("gemma"), "x")).total


def test_a_model_that_no_family_describes_is_counted_and_what_is_open_is_said():
    counted = count_modules({"model_type": "xlnet", "n_layer": 2, "d_model": 64, "n_head": 4, "vocab_size": 100})
    parts = ("embedding", "unembedding", "attention", "recurrent", "feed_forward", "experts", "router", "norms")
    assert counted.total == sum(getattr(counted, part) for part in parts) + counted.other > 0
    assert [words.partition(":")[0] for words in counted.untold] == ["cache, state and FLOPs"]
    assert "active parameters" in count_modules(JAMBA).untold[0]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "nobody"}, "model_type: must be a causal language model of transformers"),
        ({"model_type": "clip"}, "got clip"),
        ({}, "model_type: must be a causal"),
        (JAMBA | {"hidden_size": "wide"}, "jamba: transformers .* does not build it, Strict"),
    ],
)
def test_what_transformers_does_not_build_is_one_line(config, words):
    with pytest.raises(InputError, match=words) as error:
        build_foreign(config)
    assert "\n" not in str(error.value)


def test_building_ends_in_time_and_stores_nothing():
    with pytest.raises(InfeasibleError, match="not built after 0 s"):
        build_foreign(JAMBA, limit_s=0.0)
    assert all(parameter.is_meta for parameter in build_foreign(JAMBA).parameters())
