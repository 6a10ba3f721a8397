"""GPUs and what an hour of them costs."""

import math

import pytest

from optimoe.core.errors import InputError
from optimoe.inputs.groups.hardware import Hardware, LayoutChoice, PlanPrices, ServePrice, TrainPrice

SHEET = '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 1.5\n'


def test_both_spellings_of_gpus_are_one_cluster():
    assert Hardware(gpus="8xh100-sxm").cluster() == Hardware(gpus="8", gpu="h100-sxm").cluster()
    with pytest.raises(InputError, match="must be a number beside --gpu"):
        Hardware(gpus="8xh100-sxm", gpu="h100-sxm").cluster()


def test_a_price_is_given_or_of_the_sheet_or_published_or_unknown(tmp_path):
    (tmp_path / "own.toml").write_text(SHEET)
    sheet = tmp_path / "own.toml"
    assert ServePrice(prices=sheet, gpu_usd_per_hour=1.0).price("h100-sxm").usd_per_gpu_hour == 1.0
    assert ServePrice(prices=sheet).price("h100-sxm").usd_per_gpu_hour == 1.5
    assert ServePrice(prices=sheet).price("h200-sxm").usd_per_gpu_hour > 1.5
    assert math.isnan(ServePrice(prices=sheet).price("mi325x").usd_per_gpu_hour)
    with pytest.raises(InputError, match=r"nowhere.toml: cannot be read"):
        ServePrice(prices=tmp_path / "nowhere.toml").price("h100-sxm")


def test_a_plan_does_not_go_without_a_price():
    assert PlanPrices(serve_usd_per_hour=2.0).serving("mi325x").usd_per_gpu_hour == 2.0
    with pytest.raises(InputError, match="--train-usd-per-hour: missing, and gpu price: no list price of mi325x"):
        PlanPrices().training("mi325x")


def test_one_hour_has_one_price_however_it_is_spelt():
    assert ServePrice(serve_usd_per_hour=2.0).price("mi325x").usd_per_gpu_hour == 2.0
    assert TrainPrice(train_usd_per_hour=2.0, gpu_usd_per_hour=2.0).price("mi325x").usd_per_gpu_hour == 2.0
    with pytest.raises(InputError, match="--train-usd-per-hour: must be left out beside --gpu-usd-per-hour"):
        TrainPrice(train_usd_per_hour=2.0, gpu_usd_per_hour=3.0).price("h100-sxm")
    both = PlanPrices(gpu_usd_per_hour=2.0, train_usd_per_hour=1.0)
    assert (both.training("mi325x").usd_per_gpu_hour, both.serving("mi325x").usd_per_gpu_hour) == (1.0, 2.0)


def test_a_tier_without_a_list_price_says_what_there_is():
    spot, on_demand = (ServePrice(price_tier=tier).price("h100-sxm") for tier in ("spot", "on-demand"))
    assert spot.usd_per_gpu_hour < on_demand.usd_per_gpu_hour
    unknown = ServePrice(price_tier="reserved").price("gb200")
    assert math.isnan(unknown.usd_per_gpu_hour)
    assert "no reserved list price of gb200 is known, there is on-demand $10.50" in unknown.source
    with pytest.raises(InputError, match=r"--serve-usd-per-hour: missing, and .* there is on-demand"):
        PlanPrices(price_tier="spot").serving("gb200")


def test_only_degrees_that_are_stated_are_fixed():
    assert LayoutChoice().fixed() == {}
    assert LayoutChoice(tp=2, resident=0.5).fixed() == {"tp": 2, "resident": 0.5}
