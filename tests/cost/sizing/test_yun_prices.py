import csv
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError, InfeasibleError
from optimoe.cost.hardware.price import given_price, unknown_price
from optimoe.cost.published.yun import cost_per_token, latency_tables, stored
from optimoe.cost.published.yun.cost import ServedFor
from optimoe.cost.serving.accuracy.amounts import base
from optimoe.cost.sizing.yun_prices import yun_prices
from tests.cost.calibration.cases import SHIPPED, blank, measured

PRICE = given_price(2.0)
MIXTRAL = find_model("mixtral-8x7b")
DATA = os.environ.get("OPTIMOE_DATA")


def tables_of(model, gpus, loads=(1, 16, 64, 256), **changes):
    records = [blank(model, tp, concurrency=load, rounds=1e6, **changes) for tp in gpus for load in loads]
    return latency_tables(measured(records, SHIPPED), 8 if "mixtral" in model else 1)


def test_tables_of_the_cost_model_s_own_records_have_its_price():
    """Records of tensor parallel deployments at 64 in flight: one price by Yun's formula and by the full model."""
    found = yun_prices(tables_of("mixtral-8x7b", (2, 4, 8)), stored(MIXTRAL), PRICE, 64, MIXTRAL)
    assert [one.gpus for one in found.prices] == [2, 4, 8]
    for one in found.prices:
        assert one.by_tables.batch == 64
        assert one.by_model.concurrency == 64
        if one.by_model.layout.tp == one.gpus and one.by_model.layout.ep == 1:
            assert one.usd_per_mtok == pytest.approx(one.by_model.usd_per_mtok, rel=1e-3)
        else:  # the full model's layout is at least as cheap as the one that was recorded
            assert one.by_model.usd_per_mtok <= one.usd_per_mtok
    assert found.cheapest.gpus == 2
    assert found.cheapest.usd_per_mtok == min(one.usd_per_mtok for one in found.prices)


def test_the_least_price_is_yun_s_cost_per_token():
    tables, held = tables_of("mixtral-8x7b", (2, 4)), stored(MIXTRAL)
    found = yun_prices(tables, held, PRICE, 64)
    h100_elements = 80 * 2**30 / 2
    asked = ServedFor(
        memory_per_gpu=h100_elements, prompt=1024, answer=256, usd_per_gpu_s=2 / 3600, most_requests=64
    )
    assert found.cheapest.usd_per_mtok == pytest.approx(1e6 * cost_per_token(tables.tables, held, asked))
    assert all(one.by_model is None for one in found.prices)


def test_gpus_whose_table_ends_below_the_cache_have_no_price_and_say_so():
    """Two H100s hold 519 requests of Mixtral 8x7B beside its weights, four hold 1,657: these were not measured."""
    found = yun_prices(tables_of("mixtral-8x7b", (2, 4), loads=(1, 600)), stored(MIXTRAL), PRICE)
    two, four = found.prices
    assert two.by_tables.batch == pytest.approx(519, abs=1)
    assert four.by_tables is None
    assert four.usd_per_mtok == math.inf
    assert four.why_not.startswith("batches: must be between 1 and 600, as measured, got 165")
    assert found.cheapest is two


def test_where_no_table_has_an_answer_the_reason_is_raised():
    with pytest.raises(ConfigError, match="batches: must be between 1 and 64, as measured"):
        yun_prices(tables_of("mixtral-8x7b", (2, 4), loads=(1, 64)), stored(MIXTRAL), PRICE)
    large = replace(stored(MIXTRAL), resident=1e12)
    with pytest.raises(InfeasibleError, match="elements of weights do not fit"):
        yun_prices(tables_of("mixtral-8x7b", (2, 4)), large, PRICE, 64)


def test_without_a_price_of_gpu_hours_the_cheapest_number_of_gpus_is_still_known():
    found = yun_prices(tables_of("mixtral-8x7b", (2, 8)), stored(MIXTRAL), unknown_price(), 64)
    assert found.cheapest.gpus == 2
    assert math.isnan(found.cheapest.usd_per_mtok)


@pytest.mark.skipif(not DATA, reason="needs the measured deployments of OPTIMOE_DATA")
def test_measured_deployments_make_tables_whose_prices_are_near_the_cost_model_s():
    """Llama 3.1 8B by TensorRT-LLM on 1 to 8 H100s, 8 to 128 in flight: within the band of TTFT, the wider one."""
    llama = find_model("llama-3.1-8b")
    with (Path(DATA) / "serving_e2e_hopper" / "serving.csv").open(encoding="utf-8", newline="") as stream:
        rows = [
            row
            for row in csv.DictReader(stream)
            if (row["system"], row["backend"], row["backend_version"]) == ("h100_sxm", "trtllm", "1.0.0rc3")
            and (row["isl"], row["osl"]) == ("1024", "512")
            and "Llama-3.1-8B" in row["model_path"]
        ]
    records = [
        blank(
            "llama-3.1-8b",
            int(float(row["tp_size"])),
            engine="trtllm",
            concurrency=float(row["concurrency"]),
            output_tokens=512,
            ttft_s=float(row["silicon_ttft_ms"]) / 1e3,
            tpot_s=float(row["silicon_tpot_ms"]) / 1e3,
        )
        for row in rows
    ]
    found = yun_prices(latency_tables(records, 1), stored(llama), PRICE, 128, llama)
    assert [one.gpus for one in found.prices] == [1, 2, 4, 8]
    assert found.cheapest.gpus == 1
    low, high = base("ttft").around(1)  # their rows of many requests are mostly waiting for a first token
    for one in found.prices:
        assert low < one.by_model.usd_per_mtok / one.usd_per_mtok < high
