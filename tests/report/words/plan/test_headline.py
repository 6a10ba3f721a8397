"""The sentence that decides prints the plan's own numbers, and says where the budget decides instead."""

from dataclasses import replace

from optimoe.core.units import SECONDS_PER_DAY, format_count, format_usd
from optimoe.planner.plan import plan
from optimoe.planner.problem.traffic import Traffic
from optimoe.report.words.plan.headline import headline, larger_budget
from tests.planner.asked import problem


def dense_of(result):
    return next(item.candidate for item in result.alternatives if item.family.dense)


def test_the_sentence_names_the_model_its_tokens_loss_gpus_and_dollars(result):
    choice, sentence = result.choice, headline(result)
    assert sentence.startswith(f"Train a {choice.family.num_experts}-expert top-{choice.family.top_k} MoE of ")
    for words in (
        f"{format_count(choice.params.active)} active parameters ({format_count(choice.params.total)} in total)",
        f"on {format_count(choice.tokens)} tokens",
        f"loss {choice.loss.value:.3f} ({choice.loss.low:.2f}–{choice.loss.high:.2f})",
        f"{choice.fleet.num_gpus:,.0f} h100-sxm serve it",
        format_usd(choice.total_usd),
    ):
        assert words in sentence


def test_a_dense_model_of_equal_loss_is_compared_with_in_dollars(result):
    dense, choice = dense_of(result), result.choice
    alike = replace(choice, training=replace(choice.training, usd=dense.total_usd * 0.995 - choice.serve_usd))
    assert "; as much as the best dense model of equal loss" in headline(replace(result, choice=alike))
    if choice.total_usd < dense.total_usd:
        share = 1 - choice.total_usd / dense.total_usd
        assert f"{share:.0%} below the best dense model of equal loss" in headline(result)
    else:
        assert f"dense model of equal loss takes {format_usd(dense.total_usd)}" in headline(result)


def test_where_more_training_would_halve_the_dollars_that_is_said_first():
    poor = plan(problem(1e21, serve_tokens=1e15))
    more = larger_budget(poor)
    assert more is not None
    assert poor.over_budget(more)
    sentence = headline(poor)
    assert sentence.startswith("The training budget decides: with ")
    assert f"{format_usd(more.total_usd)} in total instead of {format_usd(poor.choice.total_usd)}" in sentence
    assert ". Within it: train " in sentence


def test_a_rate_names_the_life_and_tokens_name_themselves(result):
    assert f"with {format_count(result.problem.lifetime_tokens)} tokens served" in headline(result)
    traffic = Traffic(lifetime_tokens=1e12, life_s=730 * SECONDS_PER_DAY, rated=True)
    rated = replace(result, problem=replace(result.problem, traffic=traffic))
    assert "in 2 years" in headline(rated)
