"""A plan in words prints the numbers of the plan."""

import re
from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.units import format_change, format_count, format_seconds, format_usd
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.planner.plan import plan
from optimoe.planner.problem.training import GivenMfu, Training
from optimoe.report.words.plan_prose import (
    budget_words,
    choice_lines,
    laws_sentences,
    plan_lines,
    question_lines,
    robustness_sentences,
    scored_words,
    shape_words,
)
from tests.planner.asked import SMALL, problem
from tests.report.plans import doubts, usual_plan


@pytest.fixture(scope="module")
def result():
    return usual_plan()


def text_of(lines, label):
    (text,) = [text for name, text in lines if name == label]
    return text


def test_the_lines_name_all_a_reader_asks_for(result):
    lines = plan_lines(result)
    text = " ".join(text for _, text in lines)
    assert {"Budget", "Traffic", "Train", "Loss", "Serve", "Total", "Instead", "Laws"} <= {
        label for label, _ in lines
    }
    for word in ("active", "layers", "heads", "tokens", "nats/token", "TPOT", "TTFT", "training", "bound by"):
        assert word in text
    assert result.problem.law.row.name in text


def test_the_choice_is_said_with_its_numbers(result):
    choice, lines = result.choice, choice_lines(result)
    train = text_of(lines, "Train")
    assert f"{format_count(choice.params.active)} active of {format_count(choice.params.total)}" in train
    assert f"{format_count(choice.tokens)} tokens" in train
    assert f"{choice.loss.value:.3f} ({choice.loss.low:.3f} – {choice.loss.high:.3f})" in text_of(lines, "Loss")
    serve = text_of(lines, "Serve")
    for words in (
        format_usd(choice.usd_per_mtok),
        f"TPOT {format_seconds(choice.tpot_s)}",
        f"({format_seconds(choice.tpot_band_s.low)} – {format_seconds(choice.tpot_band_s.high)})",
        f"TTFT {format_seconds(choice.ttft_s)}",
        choice.serving.bound_by,
    ):
        assert words in serve
    total = text_of(lines, "Total")
    assert [format_usd(usd) in total for usd in (choice.total_usd, choice.train_usd, choice.serve_usd)] == [
        True
    ] * 3
    run = text_of(lines, "Run")
    assert f"{choice.training.gpu_hours:,.0f} GPU hours at {choice.training.mfu:.0%} MFU" in run


def test_every_other_family_is_compared_with_the_choice(result):
    lines = plan_lines(result)
    text = "\n".join(text for _, text in lines)
    for item in result.alternatives:
        if item.candidate and item.family != result.choice.family:
            assert format_change(item.candidate.train_usd, result.choice.train_usd) in text
            assert f"total {format_usd(item.candidate.total_usd)}" in text


def test_every_law_says_what_it_would_train(result):
    sentences = laws_sentences(result)
    assert len(sentences) == len(result.laws)
    for view, sentence in zip(result.laws, sentences, strict=True):
        assert sentence.startswith(f"{view.law}: ")
        assert f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens" in sentence


def test_the_question_is_repeated(result):
    lines = question_lines(result.problem)
    traffic = text_of(lines, "Traffic")
    assert f"{format_count(result.problem.lifetime_tokens)} output tokens" in traffic
    assert "8 × h100-sxm" in traffic
    assert "TPOT ≤ 50.0 ms" in traffic
    assert format_count(result.problem.training.budget_flops) in text_of(lines, "Budget")


def test_a_budget_is_said_in_its_own_unit_and_in_the_other():
    gpu, price = find_accelerator("h100-sxm"), given_price(2.0)
    training = Training(accelerator=gpu, price=price, budget_gpu_s=3600.0 * 1000, utilisation=GivenMfu(mfu=0.5))
    rate = gpu.flops_per_s("bf16") * 0.5
    words = budget_words(training)
    assert words.startswith("1,000 hours of h100-sxm, $2,000 = ")
    assert f"{format_count(3600.0 * 1000 * rate)} FLOP at 50% MFU" in words
    assert "on" not in words.split(" = ")[1]
    assert budget_words(training.unbounded()) == "not limited"
    flops = budget_words(replace(training.unbounded(), budget_flops=3600.0 * 10 * rate))
    assert "10 hours of h100-sxm, $20.00 at 50% MFU" in flops


def test_a_shape_names_experts_heads_and_widths(result):
    spec, params = result.choice.spec, result.choice.params
    words = shape_words(spec, params)
    assert words.startswith(f"MoE E = {spec.moe.num_experts}, top-{spec.moe.top_k} · ")
    assert f"{spec.num_layers} layers × {spec.d_model}" in words
    assert words.endswith(f"experts {spec.moe.d_expert}")
    dense = next(item.candidate for item in result.alternatives if item.family.dense and item.candidate)
    assert shape_words(dense.spec, dense.params).startswith(f"dense {format_count(dense.params.total)} · ")


def test_doubts_are_said_with_their_numbers(result):
    law, sweep, mfu, limit = robustness_sentences(result, doubts())
    assert "over 8 draws" in law
    assert "in 75%, " in law
    assert "$12,345" in law
    assert "26 proxies" in sweep
    assert "$1,191" in sweep
    assert "$9,876" in sweep
    assert mfu.startswith("MFU decides: × 0.75 → ")
    assert limit == "TPOT limit decides: × 0.7 → nothing feasible"


def test_a_choice_that_nothing_changes_is_said_to_stay(result):
    calm = replace(doubts(), swings=doubts().swings[1:2])
    assert robustness_sentences(result, calm)[-1].endswith("stays the choice when any one of these moves: demand")
    unknown = replace(doubts(), uncertainty=None, unknown="its scatter is not stated")
    assert robustness_sentences(result, unknown)[0].endswith("its scatter is not stated")


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


def test_a_total_that_is_held_and_routing_that_costs_are_said():
    space = replace(SMALL, num_experts=(1, 16), params_total=2e10)
    assert ("Designs", "each of 20.0B parameters in total, within 2%") in question_lines(problem(space=space))
    fine = plan(problem(law="zhao2025", space=replace(SMALL, num_experts=(256,), top_k=(8,), ffn_ratio=(0.5,))))
    assert re.search(r" · routing [0-9.]+% beyond 6ND", dict(choice_lines(fine))["Run"])
    assert "beyond 6ND" not in dict(choice_lines(plan(problem(space=replace(SMALL, num_experts=(1,))))))["Run"]
