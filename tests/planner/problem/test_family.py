"""The best ratio of experts to attention, as a family takes it."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.planner.plan import plan
from optimoe.planner.problem.family import BestRatio, family_of
from optimoe.planner.problem.shapes import pattern_of
from tests.planner.asked import SMALL, plain, problem


def test_the_best_ratio_follows_the_law_and_grows_with_the_budget():
    low, high = (BestRatio(train_flops=flops).of(16, 2, 1) for flops in (1e19, 1e20))
    assert (low, high) == pytest.approx((0.8328, 1.2225), rel=1e-3)
    space = replace(
        SMALL,
        num_experts=(1, 16),
        top_k=(2,),
        num_shared_experts=(1,),
        expert_attention_ratio=BestRatio(train_flops=1e20),
    )
    (routed,) = (one for one in space.families() if not one.dense)
    assert routed.expert_attention_ratio == high
    result = plan(problem(1e20, space=space, serve_tokens=1e9))
    assert any(row.name == "experts over attention" for row in result.assumptions)


def test_more_active_experts_of_as_many_want_a_wider_feed_forward():
    space = replace(
        SMALL,
        num_experts=(64,),
        top_k=(2, 8),
        num_shared_experts=(1,),
        expert_attention_ratio=BestRatio(train_flops=1e21),
    )
    best = {one.top_k: one.expert_attention_ratio for one in space.families()}
    assert best == {
        2: pytest.approx(1.2912, rel=1e-4),
        8: pytest.approx(1.6206, rel=1e-4),
    }  # of 65


LAYERS = plain(
    num_experts=(1, 16), top_k=(2,), num_shared_experts=(0, 1), ffn_ratio=(), active_ffn_ratio=(6.0,),
    moe_every=(1, 3), first_dense_layers=(0, 4), attention=("gqa", "mha", "mla"), max_width=2048,
)  # fmt: skip
NEAR = plain(
    num_experts=(1, 16), top_k=(2,), num_shared_experts=(1,), ffn_ratio=(), active_ffn_ratio=(6.0,),
    moe_every=(1, 2), attention=("gqa", "gqa-swa", "gqa-gdn"), full_every=(2, 4), window_tokens=(64, 128),
    max_width=2048,
)  # fmt: skip


@pytest.mark.parametrize("space", [LAYERS, NEAR], ids=["dense layers", "windows and linear layers"])
def test_the_family_of_a_design_is_the_family_that_made_it(space):
    for family, shapes in space.members(space.every()).items():
        spec = space.stacked(family, space.designs({family: shapes}).at(-1))
        assert family_of(spec) == family
        assert space.contains(spec)


@pytest.mark.parametrize(
    ("routes", "pattern"),
    [("TTTT", (1, 0)), ("FTFT", (2, 0)), ("FFTT", (1, 2)), ("FFFTFT", (2, 2)), ("FFFF", (1, 0)), ("TFFT", (2, 0))],
)
def test_a_stack_of_layers_has_the_smallest_pattern_that_makes_it(routes, pattern):
    assert pattern_of([layer == "T" for layer in routes]) == pattern


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("gpt-oss-20b", ("gqa-swa", 128, 2)),
        ("gemma-2-9b", ("gqa-swa", 4096, 2)),
        ("qwen3-next-80b-a3b", ("gqa-gdn", 0, 4)),
        ("qwen3-30b-a3b", ("gqa", 0, 1)),
        ("jamba-v0.1", ("gqa", 0, 1)),  # state-space layers: no kind of a space
        ("llama-4-scout", ("gqa", 0, 1)),  # blocks, no windows
        ("mistral-7b", ("gqa", 0, 1)),  # windows in every layer
    ],
)
def test_a_catalog_model_has_its_window_and_its_share_of_full_layers(model, kind):
    family = family_of(find_model(model))
    assert (family.attention, family.window_tokens, family.full_every) == kind
