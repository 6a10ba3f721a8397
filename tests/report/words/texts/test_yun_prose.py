"""Yun 2024's questions answered, in tables."""

import math

from optimoe.planner.published.yun.answers import YunAnswer, YunAtLoss
from optimoe.report.words.texts.yun_prose import answer_tables, headline_tables, search_tables


def answer(law="a law", **numbers):
    values = {
        "flops": 1e21, "experts": 4, "params": 2e9, "tokens": 3e10, "loss": 2.5, "usd_per_mtok": 0.25,
        "over_trained": 0.5, "equal_quality_cost": math.nan, "equal_cost_loss": math.nan,
        "weights_share": 0.75, "full_memory": True, "usd_per_mtok_16_gpus": 0.125,
    }  # fmt: skip
    return YunAnswer(law=law, **(values | numbers))


def at_loss(**numbers):
    values = {
        "law": "a law", "flops": 1e21, "loss": 2.5, "experts": 8, "params": 2e9, "tokens": 3e10,
        "training_share": 1.25, "usd_per_mtok": 0.25, "usd_per_mtok_16_gpus": 0.2, "num_gpus": 8,
        "weights_share": 0.25, "batch": 500.0, "full_memory": False, "cheapest": True, "cheapest_16_gpus": False,
    }  # fmt: skip
    return YunAtLoss(**(values | numbers))


def shown(table, row=1):
    return dict(zip(table[0], table[row], strict=True))


def test_every_law_has_a_table_with_a_dash_where_no_design_does_it():
    first, second = answer_tables([answer(), answer(experts=8), answer("another")])
    assert [len(first), len(second)] == [3, 2]
    cells = shown(first)
    assert cells["a law"] == "1.00e21 FLOP"
    assert (cells["N"], cells["D"], cells["loss"], cells["USD/Mtok"]) == ("2.00B", "30.0B", "2.500", "0.250")
    (nothing,) = answer_tables([answer(params=math.nan, loss=math.nan, usd_per_mtok=math.inf)])
    assert (shown(nothing)["N"], shown(nothing)["loss"], shown(nothing)["USD/Mtok"]) == ("–", "–", "–")


def test_a_full_memory_is_marked_with_the_price_of_16_gpus_beside_it():
    (table,) = answer_tables([answer()])
    assert (shown(table)["weights"], shown(table)["to 16 GPUs"]) == ("75% full", "0.125")
    (table,) = answer_tables([answer(full_memory=False, weights_share=0.3)])
    assert shown(table)["weights"] == "30%"


def test_the_columns_of_their_searches_say_what_is_alike():
    (table,) = search_tables([answer()])
    cells = shown(table)
    assert cells["N at the loss of E=4"] == "50%"
    assert (cells["price at the loss of E=4"], cells["loss at the price of E=4"]) == ("–", "–")


def test_the_headline_says_who_is_cheapest_with_8_and_with_16_gpus():
    (table,) = headline_tables([at_loss(), at_loss(experts=32, cheapest=False, cheapest_16_gpus=True), at_loss()])
    assert (shown(table)["training"], shown(table)[""]) == ("1.25×", "cheapest on 8 GPUs")
    assert shown(table, 2)[""] == "cheapest on 16 GPUs"
