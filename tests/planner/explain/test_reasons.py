"""What a plan says of itself."""

from dataclasses import replace

from optimoe.planner.plan import plan
from tests.planner.asked import SMALL, problem


def test_stretching_a_law_is_said():
    small, large = plan(problem(flops=1e20, serve_tokens=1e9)), plan(problem(flops=1e23))
    assert not any("beyond the fitted range" in line for line in small.warnings)
    assert any("D is" in line and "beyond the fitted range" in line for line in large.warnings)


def test_a_law_without_a_stated_range_is_not_taken_for_inside_it():
    warnings = plan(problem(law="zhao2025")).warnings
    assert any("the fitted range of zhao2025 in N, N_a, G, S, D is not stated" in line for line in warnings)


def test_a_dense_law_plans_dense_models_and_says_what_it_never_saw():
    dense = plan(problem(law="besiroglu2024", space=replace(SMALL, num_experts=(1,))))
    assert dense.choice.family.dense
    routed = plan(problem(law="besiroglu2024"))
    assert routed.choice.spec == dense.choice.spec
    assert "besiroglu2024 may not rank E = 4; E = 16: routed experts (a dense law)" in routed.warnings
    refused = {item.family.num_experts: item.not_ranked for item in routed.alternatives}
    assert refused == {1: "", 4: "routed experts (a dense law)", 16: "routed experts (a dense law)"}


def test_more_experts_per_token_than_the_law_saw_are_planned_and_said():
    result = plan(problem(space=replace(SMALL, num_experts=(1, 8), top_k=(4,))))
    routed = not result.choice.family.dense
    assert routed == any("never fitted on top-4 routing" in line for line in result.warnings)
    asked_about_experts = {view.law: view.routed for view in result.laws}
    assert asked_about_experts["ludziejewski2025"]
    assert not asked_about_experts["besiroglu2024"]
