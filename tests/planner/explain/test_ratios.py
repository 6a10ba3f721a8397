"""A plan over ratios of experts to attention says what r does to its loss, or that its law knows nothing of r."""

from dataclasses import replace

from optimoe.inputs.groups.designs import DesignChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.plan import PlanRequest, Traffic
from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.planner.explain.ratios import ratio_lines
from optimoe.planner.plan import plan


def asked(law="optimoe2026", **designs):
    return PlanRequest(
        training=TrainingChoice(train_flops=1e21),
        traffic=Traffic(serve_tokens=1e9),
        designs=DesignChoice(experts="64", top_k="2", shared="1", max_width=2048, **designs),
        law=law,
    ).problem()


def test_ratios_are_decided_by_loss_and_cost_with_an_optimum_inside():
    problem = asked(expert_attention_ratio="0.25,1,4")
    assert problem.law.row.factors[-1] == EXPERT_ATTENTION
    assert problem.law.row.factors_flops == 1e21
    result = plan(problem)
    assert result.choice.family.expert_attention_ratio == 1.0  # r* is 1.29
    (line,) = ratio_lines(result)
    assert line.startswith("by assumption N_eff falls by exp(-KL)")
    assert "r* = 1.29 is a factor 0.99" in line


def test_a_plan_without_ratios_leaves_the_law_alone_and_says_nothing():
    problem = asked()
    assert EXPERT_ATTENTION not in problem.law.row.factors


def test_a_law_without_a_place_for_r_says_that_it_knows_nothing_of_it():
    problem = asked(law="zhao2025", expert_attention_ratio="1,2")
    result = replace(plan(problem), problem=problem)
    assert ratio_lines(result) == ["zhao2025 knows nothing of r: between ratios, sizes and cost alone decide"]
