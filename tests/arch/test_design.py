import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import granularity
from optimoe.arch.design import (
    Wish,
    d_expert_for_granularity,
    d_expert_for_ratio,
    design,
    params_active_from_total,
    params_total_from_active,
    with_d_expert,
)
from optimoe.arch.flops import expert_attention_ratio, prefill_flops
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError


@given(d_model=st.integers(4, 128), wanted=st.floats(0.5, 32), convention=st.sampled_from(["krajewski", "ling"]))
def test_a_granularity_comes_back_within_a_step_of_width(d_model, wanted, convention):
    d_model *= 64
    width = d_expert_for_granularity(d_model, wanted, convention)
    factor = {"krajewski": 4, "ling": 2}[convention]
    assert width % 64 == 0
    assert abs(width - max(64, factor * d_model / wanted)) <= 32


@given(ratio=st.floats(0.3, 8), context=st.integers(256, 32_768))
def test_a_ratio_comes_back_within_a_step_of_width(ratio, context):
    spec = find_model("mixtral-8x7b")
    width = d_expert_for_ratio(spec, ratio, context)
    near = [expert_attention_ratio(with_d_expert(spec, width + extra), context) for extra in (-32, 32)]
    assert near[0] <= ratio <= near[1]


def test_a_ratio_below_the_router_is_refused():
    with pytest.raises(InfeasibleError, match="below"):
        d_expert_for_ratio(find_model("mixtral-8x7b"), 1e-6, 4096)
    with pytest.raises(ConfigError, match="routed experts"):
        d_expert_for_ratio(find_model("llama-3.1-8b"), 1.0, 4096)


@pytest.mark.parametrize("name", ["mixtral-8x7b", "mixtral-8x22b"])
def test_active_and_total_lead_to_each_other(name):
    spec = find_model(name)
    params = count_params(spec)
    assert params_total_from_active(spec, params.active) == params.total
    assert params_active_from_total(spec, params.total) == params.active


@settings(max_examples=25, deadline=None)
@given(
    target=st.sampled_from(["params_active", "params_total", "flops_per_token"]),
    value=st.floats(4e10, 4e11),
    experts=st.sampled_from([1, 8, 32]),
    fine=st.sampled_from([0.0, 1.0, 4.0]),
    shared=st.sampled_from([0, 1]),
)
def test_a_design_is_what_was_wished_for_within_a_layer(target, value, experts, fine, shared):
    wish = Wish(
        target=target,
        value=value,
        num_experts=experts,
        top_k=min(2, experts),
        granularity=fine,
        num_shared_experts=shared if experts > 1 else 0,
        num_kv_heads=4,
        tp=4,
    )
    spec = design(wish)
    params = count_params(spec)
    got = {
        "params_active": params.active,
        "params_total": params.total,
        "flops_per_token": prefill_flops(spec, wish.context).total,
    }[target]
    assert got == pytest.approx(value, rel=0.1)
    assert spec.attention.num_heads % 4 == 0
    assert spec.d_model % 128 == 0
    if experts > 1 and fine:
        assert granularity(spec)["krajewski"] == pytest.approx(fine, rel=0.02)


def test_a_design_by_ratio_has_it():
    wish = Wish(target="flops_per_token", value=1e10, num_experts=64, top_k=4, ratio=1.5, num_kv_heads=4)
    spec = design(wish)
    assert expert_attention_ratio(spec, 4096) == pytest.approx(1.5, rel=0.05)
    assert prefill_flops(spec, 4096).total == pytest.approx(1e10, rel=0.1)
    assert from_config(to_config(spec), spec.name) == spec


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"value": -1.0}, ConfigError, "value"),
        ({"granularity": 2.0, "ratio": 1.0, "num_experts": 8}, ConfigError, "ratio"),
        ({"ratio": 1.0}, ConfigError, "dense"),
        ({"value": 1e6}, InfeasibleError, "smallest shape"),
        ({"num_experts": 2, "top_k": 4}, ConfigError, "top_k"),
    ],
)
def test_a_wish_out_of_limits_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        design(Wish(**({"target": "params_active", "value": 1e9} | changes)))
