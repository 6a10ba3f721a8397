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


def test_a_dense_model_is_like_itself_and_a_routed_one_lies_between():
    dense = epoch_rules.dense_equivalent(find_model("llama-3.1-8b"))
    assert {dense.prefill, dense.slow_decode, dense.fast_decode, dense.long_context} == {8_030_261_248.0}
    mixtral, params = (
        epoch_rules.dense_equivalent(find_model("mixtral-8x7b")),
        count_params(find_model("mixtral-8x7b")),
    )
    assert mixtral.prefill == params.active
    assert mixtral.slow_decode == params.total
    assert params.active < mixtral.fast_decode < params.total
