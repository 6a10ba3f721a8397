"""``optimoe compare``."""

import pytest

from tests.app.run import answer


def test_comparing_models_gives_both_kinds_of_dense_equivalents():
    mixtral, dense = answer("compare", "mixtral-8x7b", "llama-3.1-8b", "--gpus", "8xh100-sxm")["models"]
    assert set(mixtral["dense_equivalent_full"]) == {"prefill", "slow_decode", "fast_decode", "long_context"}
    assert mixtral["dense_equivalent"]["slow_decode"] == mixtral["params_total"]
    assert dense["dense_equivalent_full"]["fast_decode"] == pytest.approx(8e9, rel=0.3)


def test_models_stand_beside_the_dense_models_that_they_are_like():
    mixtral, llama = answer("compare", "mixtral-8x7b", "llama-3.1-8b")["models"]
    assert set(mixtral["dense_equivalent"]) == {"prefill", "slow_decode", "fast_decode", "long_context"}
    assert mixtral["dense_equivalent"]["slow_decode"] == mixtral["params_total"]
    assert llama["dense_equivalent"]["fast_decode"] == llama["params_total"]
