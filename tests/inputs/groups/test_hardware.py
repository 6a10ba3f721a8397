"""GPUs and what an hour of them costs."""

import math

import pytest

from optimoe.core.errors import InputError
from optimoe.inputs.groups.hardware import Hardware, LayoutChoice, PlanPrices, Price

SHEET = '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 1.5\n'


def test_both_spellings_of_gpus_are_one_cluster():
    assert Hardware(gpus="8xh100-sxm").cluster() == Hardware(gpus="8", gpu="h100-sxm").cluster()
    with pytest.raises(InputError, match="must be a number beside --gpu"):
        Hardware(gpus="8xh100-sxm", gpu="h100-sxm").cluster()


def test_a_price_is_given_or_of_the_sheet_or_published_or_unknown(tmp_path):
    (tmp_path / "own.toml").write_text(SHEET)
    sheet = tmp_path / "own.toml"
    assert Price(prices=sheet, gpu_usd_per_hour=1.0).price("h100-sxm").usd_per_gpu_hour == 1.0
    assert Price(prices=sheet).price("h100-sxm").usd_per_gpu_hour == 1.5
    assert Price(prices=sheet).price("h200-sxm").usd_per_gpu_hour > 1.5
    assert math.isnan(Price(prices=sheet).price("mi300x").usd_per_gpu_hour)
    with pytest.raises(InputError, match=r"nowhere.toml: cannot be read"):
        Price(prices=tmp_path / "nowhere.toml").price("h100-sxm")


def test_a_plan_does_not_go_without_a_price():
    assert PlanPrices(serve_usd_per_hour=2.0).serving("mi300x").usd_per_gpu_hour == 2.0
    with pytest.raises(InputError, match="--train-usd-per-hour: missing, and gpu price: no list price of mi300x"):
        PlanPrices().training("mi300x")


def test_only_degrees_that_are_stated_are_fixed():
    assert LayoutChoice().fixed() == {}
    assert LayoutChoice(tp=2, resident=0.5).fixed() == {"tp": 2, "resident": 0.5}
