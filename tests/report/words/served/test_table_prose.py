"""Yun's price in words: what was measured, what has no price, and the least of the rest."""

from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.price import given_price, unknown_price
from optimoe.cost.published.yun import latency_tables, stored
from optimoe.cost.sizing.yun_prices import yun_prices
from optimoe.report.words.served.table_prose import yun_lines, yun_rows
from tests.cost.calibration.cases import SHIPPED, blank, measured

MIXTRAL = find_model("mixtral-8x7b")
TABLES = latency_tables(
    measured([blank(tp=tp, concurrency=load) for tp in (2, 4) for load in (1, 600)], SHIPPED), 8
)


def test_a_number_of_gpus_without_a_price_says_why():
    found = yun_prices(TABLES, stored(MIXTRAL), given_price(2.0), arch=MIXTRAL)
    lines = dict(yun_lines(found))
    assert lines["Model"].startswith("mixtral-8x7b: N = 6.98B outside embeddings")
    assert lines["Records"].startswith("4 of mixtral-8x7b by vllm 0.12.0 on h100-sxm, bf16 weights, bf16 cache")
    assert lines["No price"].startswith("4 GPUs: batches: must be between 1 and 600")
    assert lines["Cheapest"].endswith("of those that have a price")
    heads, two, four = yun_rows(found)
    assert (two[0], two[heads.index("cache allows")]) == ("2", "519")
    assert set(four[1:]) == {"–"}


def test_where_all_have_a_price_the_least_is_the_least():
    found = yun_prices(TABLES, stored(MIXTRAL), unknown_price(), 64)
    lines = dict(yun_lines(found))
    assert "No price" not in lines
    assert lines["Cheapest"] == "2 × h100-sxm: no price per M output tokens"
