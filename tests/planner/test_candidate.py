"""A candidate is made of its parts."""

from dataclasses import replace

import pytest

from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.cost.serving.estimate import predict_serving
from optimoe.cost.training.estimate import estimate_training
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from tests.planner.asked import SMALL, on, problem, small_plan

PLAN = small_plan()
CHOICE = PLAN.choice
MIXED = plan(problem(space=replace(SMALL, num_experts=(8,), top_k=(2,), moe_every=(2,)), goal=LowestLoss()))


@pytest.mark.parametrize("result", [PLAN, MIXED], ids=["every layer", "every 2nd layer"])
def test_the_parts_of_a_candidate_are_those_that_their_own_functions_give(result):
    choice = result.choice
    assert choice.params == count_params(choice.spec)
    assert choice.deployment in result.problem.deployments
    layout, concurrency = choice.serving.layout, choice.serving.concurrency
    again = predict_serving(choice.spec, choice.deployment, layout=layout, concurrency=concurrency)
    assert again.tpot_s == pytest.approx(choice.tpot_s)
    assert again.usd_per_mtok == pytest.approx(choice.usd_per_mtok)


def test_the_layers_of_a_choice_stand_as_they_are_stacked_and_train_as_they_were_priced():
    asked = on(64)
    result = plan(replace(asked, space=MIXED.problem.space, goal=LowestLoss()))
    spec, training = result.choice.spec, result.choice.training
    assert [isinstance(group.ffn, MoE) for group in spec.layers[:4]] == [False, True, False, True]
    assert {group.num_layers for group in spec.layers} == {1}
    alone = estimate_training(spec, asked.training.run, training.layout)
    assert alone.memory.fits
    assert alone.mfu_bf16() == pytest.approx(training.mfu)
