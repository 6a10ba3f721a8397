from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.count import granularity
from optimoe.arch.design import (
    DesignTarget,
    d_expert_for_granularity,
    d_expert_for_ratio,
    dense_twin,
    design,
    num_experts_for_sparsity,
    num_experts_for_total,
    params_active_from_total,
    params_total_from_active,
    with_d_expert,
    with_num_experts,
)
from optimoe.arch.flops import expert_attention_ratio, prefill_flops
from optimoe.arch.hf import from_config, to_config
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError
from tests.arch.small_configs import small_config


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


@given(experts=st.integers(8, 2048), name=st.sampled_from(["mixtral-8x7b", "deepseek-v3", "qwen3-next-80b-a3b"]))
def test_a_number_of_experts_comes_back_from_the_total(experts, name):
    spec = find_model(name)
    spec = with_num_experts(spec, max(experts, spec.moe.top_k))
    total = count_params(spec).total
    for nearby in (0.999999, 1.0, 1.000001):
        assert num_experts_for_total(spec, nearby * total) == pytest.approx(spec.moe.num_experts, abs=0)
    assert num_experts_for_total(spec, 1.0) == spec.moe.top_k
    with pytest.raises(ConfigError, match="routed experts"):
        num_experts_for_total(find_model("llama-3.1-8b"), total)


@given(k=st.integers(1, 64), ratio=st.integers(1, 200))
def test_a_number_of_experts_comes_back_from_the_sparsity(k, ratio):
    experts = k * ratio
    assert num_experts_for_sparsity(k, (experts - k) / experts) == experts
    with pytest.raises(ConfigError, match="sparsity"):
        num_experts_for_sparsity(k, 1.0)


def target_of(wish, spec):
    """What the wish counts, of a design."""
    params = count_params(spec)
    return {
        "params_active": params.active,
        "params_total": params.total,
        "flops_per_token": prefill_flops(spec, wish.context).total,
    }[wish.target]


@settings(max_examples=150, deadline=None)
@given(
    target=st.sampled_from(["params_active", "params_total", "flops_per_token"]),
    exponent=st.floats(9, 13),
    experts=st.sampled_from([1, 8, 32]),
    fine=st.sampled_from([0.0, 1.0, 4.0]),
    shared=st.sampled_from([0, 1]),
    kv_heads=st.sampled_from([1, 4, 8]),
    tp=st.sampled_from([1, 4, 8]),
)
def test_a_design_is_what_was_wished_for_within_three_percent_or_a_layer(
    target, exponent, experts, fine, shared, kv_heads, tp
):
    wish = DesignTarget(
        target=target,
        value=10**exponent,
        num_experts=experts,
        top_k=min(2, experts),
        granularity=fine,
        num_shared_experts=shared if experts > 1 else 0,
        num_kv_heads=kv_heads,
        tp=tp,
    )
    spec = design(wish)
    got = target_of(wish, spec)
    (group,) = spec.layers
    layer = target_of(wish, replace(spec, layers=(replace(group, num_layers=group.num_layers + 1),))) - got
    assert abs(got - wish.value) <= max(0.03 * wish.value, layer)
    assert spec.attention.num_heads % tp == 0
    assert spec.d_model % 128 == 0
    assert 0.7 * wish.aspect <= spec.d_model / spec.num_layers <= 1.6 * wish.aspect or spec.num_layers < 5
    if experts > 1 and fine:
        assert granularity(spec)["krajewski"] == pytest.approx(fine, rel=0.07)  # of 64 channels in 512


def test_a_design_by_ratio_has_it():
    wish = DesignTarget(target="flops_per_token", value=1e10, num_experts=64, top_k=4, ratio=1.5, num_kv_heads=4)
    spec = design(wish)
    assert expert_attention_ratio(spec, 4096) == pytest.approx(1.5, rel=0.05)
    assert prefill_flops(spec, 4096).total == pytest.approx(1e10, rel=0.1)
    assert from_config(to_config(spec), spec.name) == spec


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"value": -1.0}, ConfigError, "value"),
        ({"value": 1e19}, ConfigError, "value: must be at most"),
        ({"granularity": 2.0, "ratio": 1.0, "num_experts": 8}, ConfigError, "ratio"),
        ({"ratio": 1.0}, ConfigError, "dense"),
        ({"value": 1e6}, InfeasibleError, "nearest to 1e[+]06"),
        ({"num_experts": 2, "top_k": 4}, ConfigError, "top_k"),
    ],
)
def test_a_wish_out_of_limits_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        design(DesignTarget(**({"target": "params_active", "value": 1e9} | changes)))


def test_the_dense_twin_is_as_large_as_what_a_token_uses_but_for_the_router():
    spec = from_config(small_config("deepseek_v3"), "x")
    active, twin = count_params(spec), count_params(dense_twin(spec))
    assert twin.total == twin.active == active.active - active.router
