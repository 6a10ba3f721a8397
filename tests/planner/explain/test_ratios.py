"""A plan over ratios of experts to attention says what r does to its loss, or that its law knows nothing of r."""

from dataclasses import replace

from optimoe.inputs.groups.designs import DesignChoice
from optimoe.inputs.groups.training import TrainingChoice
from optimoe.inputs.plan import PlanRequest, TrafficChoice
from optimoe.laws.factors import EXPERT_ATTENTION
from optimoe.planner.explain.ratios import near_lines, ratio_lines, unseen_lines
from optimoe.planner.explain.reasons import warnings
from optimoe.planner.plan import plan
from tests.planner.asked import plain, problem

PLAIN = {"attention": "gqa", "first_dense_layers": "0", "vocab": 50_304.0}


def asked(law="optimoe2026", **designs):
    return PlanRequest(
        training=TrainingChoice(train_flops=1e21),
        traffic=TrafficChoice(serve_tokens=1e9),
        designs=DesignChoice(experts="64", top_k="2", shared="1", max_width=2048, **PLAIN | designs),
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


def test_axes_of_which_the_law_sees_the_parameters_alone_are_named_once():
    several = asked(attention="gqa,mla", first_dense_layers="0,1")
    words = "kinds of attention, widths and depths of one size and which layers route"
    assert unseen_lines(several) == [
        f"optimoe2026 sees of {words} only the parameters that they take: between them cost alone decides"
    ]
    one = replace(several.space, attention=("mla",), first_dense_layers=(0,), min_aspect=128.0)
    assert unseen_lines(replace(several, space=one)) == []


def test_a_law_that_knows_of_the_ratio_to_attention_sees_attention():
    ratios = asked(expert_attention_ratio="0.25,1", attention="gqa,mla", first_dense_layers="0,1")
    (line,) = unseen_lines(ratios)
    assert "sees of which layers route only" in line


def test_that_no_law_sees_windows_is_said_once_with_the_context_at_which_dollars_decide():
    result = plan(problem(space=plain(num_experts=(8,), attention=("gqa", "gqa-swa"), max_width=2048)))
    (line,) = near_lines(result.problem)
    assert line.startswith("no law here sees what a sliding window costs in loss: by assumption gqa and gqa-swa")
    assert "a context of 2,048 tokens" in line
    assert not [one for one in unseen_lines(result.problem) if "kinds of attention" in one]  # said once
    assert [line] == [one for one in warnings(result) if "no law here sees" in one]
    assert near_lines(asked()) == []
