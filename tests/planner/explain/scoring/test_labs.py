"""Labs of about a plan's compute stand beside it, and are no part of the choice."""

from dataclasses import replace

import pytest

from optimoe.planner.explain.scoring.score import labs_near, outside, score
from optimoe.planner.labs import all_labs
from optimoe.planner.plan import plan
from tests.planner.asked import SMALL, problem


@pytest.mark.parametrize("flops", [4e22, 1e23, 7e23, 4e24])
def test_the_nearest_three_runs_within_a_factor_of_two_stand_beside_a_budget(flops):
    near = labs_near(flops)
    assert 1 <= len(near) <= 3
    assert all(flops / 2 <= lab.train_flops <= 2 * flops for lab in near)
    farthest = max(max(lab.train_flops / flops, flops / lab.train_flops) for lab in near)
    left = [lab for lab in all_labs() if lab.tokens and lab not in near]
    assert all(max(lab.train_flops / flops, flops / lab.train_flops) >= min(farthest, 2) for lab in left)


def test_no_lab_stands_beside_a_budget_of_a_laptop():
    assert labs_near(1e18) == ()


def test_labs_are_scored_on_their_own_tokens_and_change_nothing():
    small = replace(SMALL, num_experts=(16,), max_width=3072)
    asked = problem(4e22, law="optimoe2026", space=small)
    found = plan(asked)
    assert {one.lab.name for one in found.labs} == {lab.name for lab in labs_near(4e22)}
    for one in found.labs:
        if one.scored.at_tokens:
            assert one.scored.at_tokens.tokens == one.lab.tokens
        else:
            assert one.scored.not_ranked or one.scored.why
    assert found.choice.family.num_experts == 16


def test_what_lies_outside_the_space_is_named_with_its_option():
    asked = problem(law="optimoe2026", space=replace(SMALL, num_experts=(16,), max_width=3072))
    choice = plan(asked).choice
    qwen = next(lab for lab in all_labs() if lab.name == "qwen3-30b-a3b").spec
    inside, scored = score(replace(asked, scored=(choice.spec, qwen)), choice)
    assert outside(asked, inside) == ()
    (line,) = outside(asked, scored)
    assert line.startswith("outside the space of this plan: E = 128 (--experts), top-8 (--top-k)")
    assert "a vocabulary of 151,936 (--vocab)" in line
