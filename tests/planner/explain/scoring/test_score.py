"""Models of one's own beside a plan, by the same code."""

import random
from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import from_config
from optimoe.core.errors import InputError
from optimoe.planner.plan import plan
from optimoe.planner.problem.data import ALL_TEXT_TOKENS
from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
from tests.arch.small_configs import small_config
from tests.planner.asked import SMALL, on, plain, problem

MIXED = replace(
    SMALL, num_experts=(1, 16), top_k=(2,), max_width=3072, moe_every=(1, 2), first_dense_layers=(0, 3)
)


@pytest.mark.parametrize("asked", [problem(), replace(on(64), goal=LowestLoss())], ids=["flops", "cluster"])
def test_the_choice_scored_is_the_choice(asked):
    asked = replace(asked, space=MIXED)
    choice = plan(asked).choice
    (scored,) = plan(replace(asked, scored=(choice.spec,))).scored
    own = scored.candidate
    assert (own.spec, own.training.layout) == (choice.spec, choice.training.layout)
    assert own.tokens == pytest.approx(choice.tokens)
    assert own.total_usd == pytest.approx(choice.total_usd)
    assert own.tpot_s == pytest.approx(choice.tpot_s)


def test_no_design_of_the_space_scored_beats_the_plan():
    found = plan(problem(space=MIXED, goal=LowestLoss()))
    others = []
    for family, shapes in MIXED.members(MIXED.every()).items():
        grid = MIXED.designs({family: shapes})
        others += [MIXED.stacked(family, grid.at(index)) for index in (0, len(shapes.d_model) // 2, -1)]
    scored = plan(replace(found.problem, scored=tuple(others))).scored
    losses = [one.in_budget.loss.value for one in scored if one.in_budget]
    assert len(losses) == len(others)
    assert min(losses) >= found.choice.loss.value


WIDE = plain(
    num_experts=(1, 8, 64), top_k=(1, 2), num_shared_experts=(0, 1), attention=("gqa", "mla"), max_width=6144
)
"""More designs than are priced whole."""


@pytest.mark.parametrize("goal", [NearBest(), LowestLoss()], ids=["near best", "lowest loss"])
def test_in_a_space_that_is_searched_no_scored_design_within_the_budget_beats_the_choice(goal):
    asked, chance = problem(goal=goal, space=WIDE, law="optimoe2026"), random.Random(repr(goal))
    members = list(WIDE.members(WIDE.every()).items())
    others = []
    for family, shapes in chance.choices(members, k=8):
        index = chance.randrange(len(shapes.d_model))
        others.append(WIDE.stacked(family, WIDE.designs({family: shapes}).at(index)))
    found = plan(replace(asked, scored=tuple(others)))
    by_loss = isinstance(goal, LowestLoss)
    rivals = [one.in_budget if by_loss else one.candidate for one in found.scored]
    kept = [one for one in rivals if one and not found.over_budget(one)]
    assert kept
    for one in kept:
        if by_loss:
            assert one.loss.value >= found.choice.loss.value
        else:
            assert one.total_usd >= found.choice.total_usd * (1 - 1e-9)


def test_a_model_s_pattern_of_layers_is_kept_and_named():
    second = from_config(small_config("llama4_text"), "every second")
    scored = plan(problem(law="optimoe2026", scored=(find_model("deepseek-v3"), second))).scored
    deepseek, llama = scored
    assert (deepseek.family.moe_every, deepseek.family.first_dense_layers) == (1, 3)
    assert (llama.family.moe_every, llama.family.first_dense_layers) == (2, 0)
    assert deepseek.candidate is None  # 671B in bf16 do not fit eight H100
    assert "top-8 routing (fitted on top-1 to 4)" in deepseek.concerns
    assert llama.in_budget.spec == second


def test_a_model_that_the_law_may_not_rank_or_tell_apart_is_not_ranked():
    mixtral, llama = find_model("mixtral-8x7b"), find_model("llama-3-8b")
    dense = plan(problem(law="besiroglu2024", space=plain(num_experts=(1,)), scored=(mixtral, llama))).scored
    assert dense[0].not_ranked == "routed experts (a dense law)"
    assert (dense[0].candidate, dense[0].in_budget) == (None, None)
    assert dense[1].not_ranked == ""
    with pytest.raises(InputError, match="cannot be read"):
        find_model("mine.json")


def test_a_loss_that_takes_more_text_than_there_is_is_never_reached():
    asked = problem(1e24, law="optimoe2026", space=replace(SMALL, num_experts=(1, 16), max_width=4096))
    spec = find_model("olmoe-1b-7b")
    loss = float(asked.law.arch_loss(spec, 10 * ALL_TEXT_TOKENS))
    result = plan(replace(asked, goal=LeastCost(max_loss=loss), scored=(spec,)))
    (own,) = result.scored
    assert own.candidate is None
    assert own.in_budget is not None
    assert "10000T tokens would take it to" in own.why[0]
    assert "more than all text of the web" in own.why[0]
    assert all(one.candidate.tokens <= ALL_TEXT_TOKENS for one in result.alternatives if one.candidate)


def test_a_model_with_windows_is_scored_inside_a_space_with_windows_and_told_what_it_lacks(monkeypatch):
    monkeypatch.setattr("optimoe.planner.explain.scoring.score.MOST_MOVED", 0)  # no move is asked for here
    space = plain(
        num_experts=(32,), top_k=(4,), attention=("gqa", "gqa-swa"), max_width=2048, depth_step=8,
        vocab_size=201_088,
    )  # fmt: skip
    oss = find_model("gpt-oss-20b")
    asked = problem(space=space, law="optimoe2026", scored=(oss, find_model("qwen3-next-80b-a3b")))
    own, hybrid = plan(asked).scored
    assert (own.family.attention, own.family.window_tokens, own.family.full_every) == ("gqa-swa", 128, 2)
    assert own.candidate
    assert not [line for line in own.why if line.startswith("outside the space")]
    assert "gqa-gdn (--attention)" in hybrid.why[-1]
    narrow = replace(asked, space=replace(space, window_tokens=(1024,), full_every=(6,)), scored=(oss,))
    (told,) = plan(narrow).scored
    assert "a window of 128 (--window), full attention every 2nd layer (--full-every)" in told.why[-1]
    (jamba,) = plan(replace(asked, scored=(find_model("jamba-v0.1"),))).scored
    assert "layers of another kind than any of --attention" in jamba.why[-1]
