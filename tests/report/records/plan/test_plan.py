"""The flat JSON of a plan says what its parts say."""

from dataclasses import replace

import pytest

from optimoe.core.records import to_record
from optimoe.planner.explain.checks import check_commands
from optimoe.report.records.plan.candidate import candidate_record
from optimoe.report.records.plan.plan import plan_record
from tests.planner.asked import small_plan

PLAN = small_plan()
CHOICE = PLAN.choice


def test_the_flat_record_says_what_the_parts_say():
    record = candidate_record(CHOICE)
    assert record.arch.params_active == CHOICE.params.active
    assert (record.loss_low, record.loss) == (CHOICE.loss.low, CHOICE.loss.value)
    assert record.total_usd == record.train_usd + record.serve_usd == CHOICE.total_usd
    assert record.gpu == CHOICE.deployment.cluster.accelerator.name
    assert to_record(record)["train_layout"] == {}
    assert record.tpot_low_s < record.tpot_s < record.tpot_high_s


def test_energy_is_that_of_the_gpu_hours_that_the_dollars_are():
    record = candidate_record(CHOICE)
    gpu_hours = record.usd_per_mtok / 2.0  # dollars of a GPU hour
    assert record.kwh_per_mtok == pytest.approx(gpu_hours * 0.7 * 1.58)
    assert record.train_energy_kwh == pytest.approx(record.train_gpu_hours * 0.7 * 1.58)


def test_an_alternative_begins_with_its_family():
    record = to_record(plan_record(PLAN))
    assert len(record["alternatives"]) == len(PLAN.alternatives)
    for item, alternative in zip(PLAN.alternatives, record["alternatives"], strict=True):
        assert next(iter(alternative)) == "num_experts"
        assert alternative["num_experts"] == item.family.num_experts
        assert ("loss" in alternative) == (item.candidate is not None)
        assert alternative.get("feasible", True) == (item.candidate is not None)


def test_the_chain_is_there_only_where_it_was_asked_for():
    assert "chain" not in to_record(plan_record(PLAN))
    assert to_record(plan_record(PLAN, chain=()))["chain"] == []
    assert to_record(plan_record(PLAN))["robustness"] is None


def test_the_best_dense_model_and_the_commands_that_check_the_choice_are_told():
    record = plan_record(PLAN)
    assert record.best_dense.arch.params_active == PLAN.best_dense.params.active
    assert record.best_dense.loss > record.choice.loss
    assert record.check_commands == check_commands(PLAN)
    assert plan_record(replace(PLAN, best_dense=None)).best_dense is None


def test_a_limit_that_is_not_stated_is_null():
    asked = to_record(plan_record(PLAN))["problem"]
    assert asked["training"]["budget_gpu_s"] is None
    assert asked["deployments"][0]["limits"]["ttft_s"] is None
    assert asked["goal"]["kind"] == type(PLAN.problem.goal).__name__
