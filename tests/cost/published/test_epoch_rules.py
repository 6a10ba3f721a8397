import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.cost.published import epoch_rules


@given(P=st.floats(1e9, 1e13), A=st.integers(1, 16), s=st.floats(1, 64))
def test_the_formula_is_the_mean_of_its_components(P, A, s):
    E = s * A
    parts = (P, epoch_rules.depth_params(P, E, A), epoch_rules.network_params(P, E, A))
    assert epoch_rules.component_mean(*parts) == pytest.approx(epoch_rules.fast_decode_params(P, E, A))
    assert (epoch_rules.network_volume_ratio(E, A) < 1) == (A < E**0.5)


def test_prefill_and_slow_decoding_are_those_of_the_active_size_and_reads_are_no_regime():
    rule = epoch_rules.rule_of_thumb(find_model("llama-3.1-8b"))
    assert {*vars(rule.sizes).values(), rule.own_depth} == {8_030_261_248.0}
    mixtral, params = (
        epoch_rules.dense_equivalent(find_model("mixtral-8x7b")),
        count_params(find_model("mixtral-8x7b")),
    )
    assert mixtral.prefill == mixtral.slow_decode == params.active
    assert params.active < mixtral.fast_decode < params.total
    assert epoch_rules.rule_components(find_model("mixtral-8x7b")).weight_reads == params.total


def test_a_routed_model_has_no_single_size_at_long_contexts_but_saves_cache():
    rule = epoch_rules.rule_of_thumb(find_model("gpt-4"))
    assert math.isnan(rule.sizes.long_context)
    assert rule.cache_saving == pytest.approx(0.603, abs=5e-4)
    assert epoch_rules.rule_of_thumb(find_model("llama-3.1-70b")).cache_saving == 0


def test_the_components_of_gpt_4_are_the_article_s():
    rule = epoch_rules.rule_of_thumb(find_model("gpt-4"))
    assert rule.components.arithmetic == pytest.approx(275e9, rel=0.002)
    assert rule.components.weight_reads == pytest.approx(1.8e12, rel=0.002)
    assert rule.components.depth == pytest.approx(225e9, rel=0.002)
    assert rule.components.depth_of_layers == pytest.approx(349.9e9, rel=0.003)  # of 405.85B, the article of 405B
    assert rule.components.network == pytest.approx(635e9, rel=0.003)
    assert rule.components.attention == pytest.approx(0.764 * 405e9, rel=0.003)
    assert rule.volume_ratio == 0.5
    assert rule.own_depth == pytest.approx(921.6e9, rel=0.003)


def test_mixtral_8x22b_prefills_and_decodes_slowly_like_39b_and_fast_like_90b():
    rule = epoch_rules.rule_of_thumb(find_model("mixtral-8x22b"))
    assert rule.sizes.prefill == rule.sizes.slow_decode == pytest.approx(39e9, rel=0.01)
    assert 87e9 < rule.sizes.fast_decode < rule.own_depth < 90e9
