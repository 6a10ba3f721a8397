"""Yun 2024's questions, answered under laws that are published."""

import numpy as np
import pytest

from optimoe.planner.published.yun.answers import BUDGETS, at_loss_of_16, yun_answers, yun_headline
from optimoe.planner.published.yun.setting import EXPERTS, LAWS


@pytest.fixture(scope="module")
def answers():
    return yun_answers(("ludziejewski2025", "zhao2025"), (2.12e21, 8.18e21))


@pytest.fixture(scope="module")
def headline():
    return yun_headline()


def test_their_questions_are_answered_for_every_number_of_experts(answers):
    assert len(answers) == 2 * 2 * len(EXPERTS)
    for one in answers:
        if one.experts == 1 and one.law == "zhao2025":
            continue
        assert 6 * one.params * one.tokens == pytest.approx(one.flops)
        if one.experts > 4:
            assert one.over_trained < 1
            assert one.equal_quality_cost < 1
    for law, flops in {(one.law, one.flops) for one in answers}:
        of = {one.experts: one for one in answers if (one.law, one.flops) == (law, flops)}
        assert of[4].over_trained == pytest.approx(1)
        assert of[4].equal_quality_cost == pytest.approx(1)
        assert of[4].equal_cost_loss == pytest.approx(of[4].loss)
        losses = [of[experts].equal_cost_loss for experts in (8, 16, 32)]
        assert losses == sorted(losses, reverse=True)


def test_a_law_of_moes_has_no_answer_about_a_dense_model(answers):
    (dense, _) = (one for one in answers if one.law == "zhao2025" and one.experts == 1)
    numbers = [dense.params, dense.loss, dense.usd_per_mtok, dense.over_trained, dense.equal_cost_loss]
    assert np.isnan(numbers).all()
    assert not dense.full_memory


def test_a_price_of_a_full_memory_is_marked_and_cheaper_with_16_gpus(answers):
    full = [one for one in answers if one.full_memory]
    assert {one.experts for one in full} == {32}
    assert all(one.weights_share > 0.5 for one in full)
    assert all(one.usd_per_mtok_16_gpus < 0.8 * one.usd_per_mtok for one in full)


def test_the_batch_collapses_where_weights_fill_the_memory(answers):
    of = {one.experts: one for one in answers if (one.law, one.flops) == ("ludziejewski2025", 8.18e21)}
    assert of[32].full_memory
    assert of[32].batch < 0.5 * of[8].batch


def test_every_law_says_who_is_cheapest_at_equal_loss(headline):
    for law in LAWS:
        for flops in {one.flops for one in headline}:
            group = [one for one in headline if (one.law, one.flops) == (law, flops)]
            assert [one.cheapest for one in group].count(True) == 1
            assert [one.cheapest_16_gpus for one in group].count(True) == 1
            assert {one.loss for one in group} == {group[0].loss}
            (sixteen,) = (one for one in group if one.experts == 16)
            assert sixteen.training_share == 1
            shares = [one.training_share for one in group]
            assert shares == sorted(shares, reverse=True)


def test_few_experts_are_cheapest_only_where_more_fill_the_memory(headline):
    """Under a law of dense models and MoEs 32 at the smallest budget, 8 at the largest; under the default law 32
    at both, at the largest by less than a tenth."""
    of = {(one.law, one.flops): (one.experts, one.cheapest_16_gpus) for one in headline if one.cheapest}
    assert of["ludziejewski2025", 2.12e21] == of["optimoe2026", 2.12e21] == (32, True)
    assert of["ludziejewski2025", 8.18e21] == (8, False)
    price = {one.experts: one.usd_per_mtok for one in headline if (one.law, one.flops) == ("optimoe2026", 8.18e21)}
    assert price[32] < price[8] < 1.1 * price[32]
    assert all(one.experts == 32 for one in headline if one.cheapest and one.law == "zhao2025")


def test_a_family_that_is_not_ranked_is_left_out_of_the_headline():
    assert [one.experts for one in at_loss_of_16("zhao2025", BUDGETS[0])] == [4, 8, 16, 32]
