"""What a plan says of itself."""

from dataclasses import replace

import pytest

from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.engines.engine import find_engine
from optimoe.planner.explain.reasons import _edge_lines, _several, family_words, ordinal, warnings
from optimoe.planner.plan import plan
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.training import GivenMfu
from tests.planner.asked import SMALL, on, plain, problem

FEW = plain(num_experts=(1, 8), max_width=2048)


def test_stretching_a_law_is_said():
    small, large = plan(problem(flops=1e20, serve_tokens=1e9)), plan(problem(flops=1e23))
    assert not any("beyond the fitted range" in line for line in small.warnings)
    assert any("D is" in line and "beyond the fitted range" in line for line in large.warnings)


def test_what_a_format_of_the_weights_costs_in_loss_is_said_to_be_unknown():
    asked = problem()
    in_fp8 = replace(asked.deployments[0], engine=find_engine("vllm", precision="fp8"))
    said = [plan(replace(asked, deployments=(each,))).warnings for each in (asked.deployments[0], in_fp8)]
    assert [any("served in fp8 are taken to lose nothing" in line for line in lines) for lines in said] == [
        False,
        True,
    ]


def test_requests_longer_than_training_sequences_are_said_to_need_a_stage_that_is_not_planned():
    asked = problem()
    stated = [plan(replace(asked, max_context=context)).warnings for context in (0, 4096, 32_768)]
    assert [any("extends the context" in line for line in lines) for lines in stated] == [False, False, True]


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


def test_many_families_that_a_law_may_not_rank_are_counted_and_not_listed():
    many = replace(SMALL, num_experts=(4, 16), top_k=(1, 2), num_shared_experts=(0, 1, 2))
    assert _several(list(many.families())) == "12 families with E = 4, 16"
    assert _several(list(many.families())[:2]) == "E = 4; E = 4, 1 shared"


def test_a_choice_at_the_edge_of_the_space_says_which_option_moves_it():
    choice, space = plan(problem()).choice, problem().space
    inside = replace(space, num_experts=(1, 512), ffn_ratio=(), active_ffn_ratio=(2.0, 3.0, 4.0), max_width=16_384)
    wide = replace(choice, family=Family(num_experts=16, ffn_ratio=0.0, active_ffn_ratio=4.0))
    assert _edge_lines(replace(wide, family=replace(wide.family, active_ffn_ratio=3.0)), inside) == []
    assert [line.split(",")[0] for line in _edge_lines(wide, replace(inside, num_experts=(1, 16)))] == [
        "E is at the edge of the space",
        "experts of a token are 4·d wide together",
    ]
    assert "raise --max-width" in _edge_lines(choice, replace(inside, max_width=choice.spec.d_model + 500))[0]


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({}, "E = 8"),
        ({"top_k": 4, "ffn_ratio": 0.0, "active_ffn_ratio": 3.0}, "E = 8, top-4, 3·d active"),
        ({"first_dense_layers": 1}, "E = 8, first layer dense"),
        ({"moe_every": 2}, "E = 8, experts in every 2nd layer"),
        ({"first_dense_layers": 3, "top_k": 2}, "E = 8, top-2, first 3 layers dense"),
        (
            {"moe_every": 4, "dense_layer_width": "expert"},
            "E = 8, experts in every 4th layer, dense layers as wide as an expert",
        ),
    ],
)
def test_a_family_says_which_of_its_layers_route(stated, words):
    assert family_words(Family(num_experts=8, **stated)) == words


def test_places_are_english():
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 22, 113)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "22nd", "113th"]
    )


def test_a_law_whose_runs_do_not_say_which_layers_routed_says_so_of_mixed_layers_alone():
    unknown = "optimoe2026 does not state of its runs: share of routed layers"
    every, second = (
        plan(problem(law="optimoe2026", space=replace(SMALL, num_experts=(16,), moe_every=(number,))))
        for number in (1, 2)
    )
    assert unknown not in every.warnings
    assert unknown in second.warnings
    read = plan(problem(space=replace(SMALL, num_experts=(16,), moe_every=(2,)))).warnings
    assert any("never fitted on routed experts in 0.5 of the layers (fitted in 1)" in line for line in read)


def test_training_that_passes_its_budget_within_the_band_says_by_how_much():
    asked = replace(on(64, days=4.0), space=FEW)
    result = plan(asked)
    own, budget = result.choice.training, asked.training.budget_gpu_s
    assert own.gpu_s < budget < own.gpu_s_high
    (line,) = (line for line in result.warnings if line.startswith("training may overrun"))
    days = own.gpu_s_high / 64 / SECONDS_PER_DAY
    assert line.startswith("training may overrun its budget of 4.0 days on 64 GPUs: ")
    assert line.endswith(f"{days:,.1f} at the end of the band")
    assert line in result.warnings
    loose = replace(asked, training=replace(asked.training, budget_gpu_s=2 * own.gpu_s_high))
    kept = replace(result, problem=loose)
    assert not any(line.startswith("training") for line in warnings(kept))


def test_a_training_of_a_stated_mfu_has_no_band_to_overrun():
    given = replace(on(64, days=4.0).training, utilisation=GivenMfu(mfu=0.3))
    result = plan(replace(problem(), training=given, space=FEW))
    assert not any(line.startswith("training may") for line in result.warnings)
