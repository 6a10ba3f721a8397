import pytest

from optimoe.arch.hf import to_config
from optimoe.arch.params import count_params
from optimoe.arch.parts import DenseFFN
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.planner.plan import plan
from optimoe.planner.problem.family import family_of
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.runs.proxies import ladder
from tests.planner.asked import plain, problem, small_plan

CHOICE = small_plan().choice
SPACE = problem().space


def test_the_ladder_stays_within_its_share_and_varies_size_data_and_experts():
    runs = ladder(CHOICE, SPACE, share=0.02)
    assert sum(run.train_flops for run in runs) <= 0.02 * CHOICE.training.flops
    assert len({run.spec.d_model for run in runs}) >= 2
    assert len({run.spec.moe.num_experts if run.spec.moe else 1 for run in runs}) == 3
    for run in runs:
        assert run.train_flops == pytest.approx(6 * count_params(run.spec).active * run.tokens)
    assert [run.train_flops for run in runs] == sorted(run.train_flops for run in runs)
    assert len(ladder(CHOICE, SPACE, share=0.05)) >= len(runs)


def test_proxies_of_a_model_that_routes_to_several_experts_keep_enough_of_them():
    choice = plan(problem(goal=LowestLoss(), space=plain(num_experts=(16,), top_k=(4,), max_width=4096))).choice
    kept = {run.spec.moe.num_experts if run.spec.moe else 1 for run in ladder(choice, SPACE, share=0.05)}
    assert kept == {1, 8, 16}


def test_a_share_too_small_for_any_proxy_is_said():
    with pytest.raises(InfeasibleError, match="share"):
        ladder(CHOICE, SPACE, share=1e-9)
    with pytest.raises(ConfigError, match="share"):
        ladder(CHOICE, SPACE, share=0.0)


def test_proxies_at_a_constant_total_hold_it_for_every_number_of_experts():
    space = plain(num_experts=(1, 4, 16), top_k=(2,), max_width=4096, params_total=2e10, moe_every=(1, 2))
    choice = plan(problem(space=space)).choice
    runs = ladder(choice, space, share=0.05)
    totals = {}
    for run in runs:
        experts = run.spec.moe.num_experts if run.spec.moe else 1
        totals.setdefault(run.spec.name.split("-")[3], {})[experts] = count_params(run.spec).total
    assert any(set(sizes) == {1, 4, 16} for sizes in totals.values())
    for sizes in totals.values():
        assert max(sizes.values()) <= 1.05 / 0.95 * min(sizes.values())
    assert len({run.spec.name for run in runs}) == len(runs)


def test_proxies_keep_the_attention_shared_experts_and_dense_layers_and_dense_ones_have_a_dense_width():
    space = plain(
        num_experts=(64,), top_k=(8,), num_shared_experts=(1,), first_dense_layers=(1,), max_width=4096,
        ffn_ratio=(), active_ffn_ratio=(3.0,), dense_ffn_ratio=(3.5,),
    )  # fmt: skip
    choice = plan(problem(goal=LowestLoss(), space=space)).choice
    own = choice.spec.attention
    runs = ladder(choice, space, share=0.05)
    assert len({run.spec.name for run in runs}) == len(runs)
    for run in runs:
        spec, mixer = run.spec, run.spec.attention
        assert mixer.num_heads / mixer.num_kv_heads == own.num_heads / own.num_kv_heads
        if spec.moe is None:
            assert {group.ffn.d_ff for group in spec.layers} == {3.5 * spec.d_model}
            continue
        assert isinstance(spec.layers[0].ffn, DenseFFN)
        assert spec.layers[0].num_layers == 1
        assert spec.moe.num_shared_experts == 1
        active = (spec.moe.top_k + 1) * spec.moe.d_expert / spec.d_model
        assert active == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("kind", ["gqa-swa", "gqa-gdn"])
def test_proxies_keep_windows_linear_layers_and_the_share_of_full_ones(kind):
    space = plain(
        num_experts=(8,), top_k=(2,), num_shared_experts=(1,), first_dense_layers=(1,), attention=(kind,),
        max_width=4096,
    )  # fmt: skip
    choice = plan(problem(goal=LowestLoss(), space=space)).choice
    runs = ladder(choice, space, share=0.05)
    assert {run.spec.moe is None for run in runs} == {True, False}
    for run in runs:
        family = family_of(run.spec)
        assert (family.attention, family.window_tokens, family.full_every) == (
            kind, choice.family.window_tokens, choice.family.full_every,
        )  # fmt: skip
        assert to_config(run.spec)
