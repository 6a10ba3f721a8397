"""A candidate is made of its parts."""

import pytest

from optimoe.arch.params import count_params
from optimoe.cost.serving.estimate import predict_serving
from optimoe.planner.plan import plan
from tests.planner.asked import problem

PLAN = plan(problem())
CHOICE = PLAN.choice


def test_the_parts_of_a_candidate_are_those_that_their_own_functions_give():
    assert CHOICE.params == count_params(CHOICE.spec)
    assert CHOICE.deployment in PLAN.problem.deployments
    layout, concurrency = CHOICE.serving.layout, CHOICE.serving.concurrency
    again = predict_serving(CHOICE.spec, CHOICE.deployment, layout=layout, concurrency=concurrency)
    assert again.tpot_s == pytest.approx(CHOICE.tpot_s)
    assert again.usd_per_mtok == pytest.approx(CHOICE.usd_per_mtok)
