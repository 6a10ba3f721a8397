"""A model of one's own stands beside the choice."""

import math
from dataclasses import replace

from optimoe.arch.catalog import find_model
from optimoe.cost.serving.workload import Limits
from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.report.words.plan.scored import gap_lines, lab_lines, moves_table, scored_lines, scored_words
from tests.planner.asked import SMALL, problem


def test_a_model_of_one_s_own_stands_beside_the_choice_with_its_layers_and_what_the_law_never_saw():
    named = tuple(find_model(name) for name in ("mixtral-8x7b", "deepseek-v3"))
    result = plan(problem(law="optimoe2026", scored=named))
    mixtral, deepseek = (scored_words(result, one) for one in result.scored)
    assert mixtral.startswith("mixtral-8x7b: 12.9B active of 46.7B; at the same loss training +")
    assert "; the whole budget reaches " in mixtral
    assert deepseek.startswith(
        "deepseek-v3, first 3 layers dense: does not fit, is not fast enough or never reaches "
    )
    assert "optimoe2026 was never fitted on top-8 routing (fitted on top-1 to 4)" in deepseek
    dense = plan(problem(law="besiroglu2024", space=replace(SMALL, num_experts=(1,)), scored=named[:1]))
    (line,) = (scored_words(dense, one) for one in dense.scored)
    assert line == "mixtral-8x7b: not ranked by besiroglu2024: routed experts (a dense law)"


def test_a_scored_design_says_its_gaps_its_own_tokens_and_the_best_change():
    asked = problem(4e22, law="optimoe2026", space=replace(SMALL, num_experts=(16,), max_width=3072))
    result = plan(replace(asked, scored=(find_model("olmoe-1b-7b"),), score_tokens=(2e12,)))
    lines = scored_lines(result)
    (own,) = result.scored
    assert any(line.startswith("  on its own 2.00T tokens: ") for line in lines)
    assert any("nats from the lowest" in line for line in lines)
    assert lines[-1].startswith("  one change that")
    assert own.moves[0].words in lines[-1]
    table = moves_table(result, own)
    assert len(table.rows) == 1 + len(own.moves)
    assert table.rows[1][0] == own.moves[0].words
    (first, *_) = lab_lines(result)
    assert result.labs[0].lab.title in first
    assert "the budget" in first


def test_a_model_that_the_budget_trains_and_serves_is_said_to_miss_the_loss_alone():
    asked = problem(4e22, law="optimoe2026", space=replace(SMALL, num_experts=(16,), max_width=3072))
    result = plan(replace(asked, scored=(find_model("mixtral-8x7b"),)))
    (own,) = result.scored
    short = replace(own, candidate=None, in_budget=own.in_budget or own.candidate)
    assert f"mixtral-8x7b: never reaches {result.choice.loss.value:.3f}; the whole" in scored_words(result, short)
    shut = scored_words(result, replace(own, candidate=None, in_budget=None))
    assert "mixtral-8x7b: does not fit, is not fast enough or never reaches" in shut
    (one,) = asked.deployments
    unlimited = replace(result, problem=replace(asked, deployments=(replace(one, limits=Limits()),)))
    shut = scored_words(unlimited, replace(own, candidate=None, in_budget=None))
    assert "mixtral-8x7b: does not fit or never reaches" in shut


def test_owned_gpus_are_counted_in_hours_for_labs_and_scored_models_too():
    space, scored = replace(SMALL, num_experts=(16,), max_width=3072), (find_model("mixtral-8x7b"),)
    asked = problem(4e22, law="optimoe2026", space=space, train_usd=0.0, serve_usd=0.0, scored=scored)
    result = plan(asked)
    assert result.problem.owned
    assert not any("$" in line for line in [*lab_lines(result), *gap_lines(result, result.scored[0])])
    assert "GPU hours" in gap_lines(result, result.scored[0])[0]


def test_labs_stand_beside_the_compute_of_the_choice_where_no_training_budget_is_stated():
    asked = problem(math.inf, goal=LowestLoss(total_usd=1e5), law="optimoe2026", space=SMALL, serve_tokens=1e10)
    (first, *_) = lab_lines(plan(asked))
    assert "the FLOPs of the choice" in first
    assert "0.00×" not in first


def test_changes_of_a_design_are_ranked_and_said_by_the_hours_that_they_save_where_gpus_are_owned():
    asked = problem(
        4e22,
        law="optimoe2026",
        space=replace(SMALL, num_experts=(16,), max_width=3072),
        train_usd=0.0,
        serve_usd=0.0,
    )
    result = plan(replace(asked, scored=(find_model("olmoe-1b-7b"),)))
    (own,) = result.scored
    gains = [move.gain_gpu_hours for move in own.moves if math.isfinite(move.gain_gpu_hours)]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 0
    assert f"{own.moves[0].words} ({gains[0]:,.0f} GPU hours saved" in scored_lines(result)[-1]
    table = moves_table(result, own)
    assert "its GPU hours at" in table.title
    assert table.rows[1][3] == f"−{gains[0]:,.0f} GPU hours"
    assert not [cell for row in table.rows for cell in row if "$" in cell]
