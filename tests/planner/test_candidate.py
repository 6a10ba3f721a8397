"""A candidate is made of its parts; the flat JSON is made from them."""

import pytest

from optimoe.arch.params import count_params
from optimoe.cost.serving.estimate import predict_serving
from optimoe.planner.plan import plan
from optimoe.planner.result import candidate_record
from tests.planner.test_solve import problem

PLAN = plan(problem())
CHOICE = PLAN.choice


def test_the_parts_of_a_candidate_are_those_that_their_own_functions_give():
    assert CHOICE.params == count_params(CHOICE.spec)
    assert CHOICE.deployment in PLAN.problem.deployments
    layout, concurrency = CHOICE.serving.layout, CHOICE.serving.concurrency
    again = predict_serving(CHOICE.spec, CHOICE.deployment, layout=layout, concurrency=concurrency)
    assert again.tpot_s == pytest.approx(CHOICE.tpot_s)
    assert again.usd_per_mtok == pytest.approx(CHOICE.usd_per_mtok)


def test_the_flat_record_says_what_the_parts_say():
    record = candidate_record(CHOICE)
    assert record["arch"]["params_active"] == CHOICE.params.active
    assert (record["loss_low"], record["loss"]) == (CHOICE.loss.low, CHOICE.loss.value)
    assert record["total_usd"] == record["train_usd"] + record["serve_usd"] == CHOICE.total_usd
    assert record["gpu"] == CHOICE.deployment.cluster.accelerator.name
    assert record["train_layout"] == {}
    assert record["tpot_low_s"] < record["tpot_s"] < record["tpot_high_s"]
