"""Models by their proportions: what stays constant when E varies."""

import pytest

from optimoe.arch.flops import expert_attention_ratio
from optimoe.arch.params import count_params
from optimoe.arch.parts import DenseFFN, MoE
from optimoe.arch.proportions import Proportions
from optimoe.core.errors import ConfigError

SMALL = {"d_model": 64, "num_layers": 4, "head_dim": 16}


def arch(**fields):
    return Proportions(**SMALL, **fields).arch("small")


def width_of(ffn):
    return (
        ffn.d_ff if isinstance(ffn, DenseFFN) else ffn.top_k * ffn.d_expert + ffn.num_shared_experts * ffn.d_shared
    )


@pytest.mark.parametrize("shared", [0, 1])
def test_at_a_constant_active_width_what_a_token_takes_does_not_depend_on_the_number_of_experts(shared):
    models = [arch(num_experts=e, active_ffn_ratio=3, num_shared_experts=shared) for e in (1, 4, 32)]
    assert {width_of(group.ffn) for model in models for group in model.layers} == {192}
    totals = [count_params(model).total for model in models]
    assert totals == sorted(set(totals))


def test_at_a_constant_total_width_the_size_does_not_depend_on_the_number_of_experts():
    models = [arch(num_experts=e, total_ffn_ratio=8) for e in (1, 4, 16)]
    routers = [e * 64 * 4 if e > 1 else 0 for e in (1, 4, 16)]
    assert len({count_params(model).total - router for model, router in zip(models, routers, strict=True)}) == 1
    assert count_params(models[0]).active > count_params(models[1]).active > count_params(models[2]).active


def test_granularity_and_the_ratio_to_attention_are_those_of_the_model():
    assert arch(num_experts=8, granularity=8).moe.d_expert == 32
    wanted = arch(num_experts=8, expert_attention_ratio=2.0, context=256, routed_every=2)
    routed_alone = Proportions(**SMALL, num_experts=8, expert_ffn_ratio=wanted.moe.d_expert / 64).arch("every")
    assert expert_attention_ratio(routed_alone, 256) == pytest.approx(2.0, rel=0.1)


def test_every_nth_layer_routes_after_the_first_dense_ones():
    model = arch(num_experts=4, expert_ffn_ratio=3, dense="expert", routed_every=2)
    assert [isinstance(group.ffn, MoE) for group in model.unrolled] == [False, True, False, True]
    assert {group.ffn.d_ff for group in model.unrolled if isinstance(group.ffn, DenseFFN)} == {192}
    late = arch(num_experts=4, active_ffn_ratio=3, first_dense_layers=3)
    assert [isinstance(group.ffn, MoE) for group in late.unrolled] == [False, False, False, True]


def test_a_pool_of_single_neurons_stands_where_experts_would():
    pool = {"num_keys": 8, "num_heads": 2, "top_k": 2, "d_key": 8}
    model = arch(active_ffn_ratio=3, peer=pool, routed_every=2)
    assert [type(group.ffn).__name__ for group in model.unrolled] == ["DenseFFN", "PEER", "DenseFFN", "PEER"]


def test_exactly_one_proportion_gives_the_width_of_experts():
    for fields in ({}, {"granularity": 4, "active_ffn_ratio": 3}):
        with pytest.raises(ConfigError, match="width of experts: must be one of active_ffn_ratio"):
            arch(**fields)
