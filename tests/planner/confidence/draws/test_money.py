"""Draws of prices and demand."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.provenance import Basis
from optimoe.cost.hardware.price import GpuPrice, given_price, list_price
from optimoe.planner.confidence.draws.money import DEMAND, PRICE, as_stated, money_draws, price_range
from tests.planner.asked import problem


def test_a_list_price_moves_in_its_providers_range_and_a_stated_one_stands():
    price = list_price("h100-sxm")
    low, high = price_range(price)
    assert low <= price.low / price.usd_per_gpu_hour
    assert high >= price.high / price.usd_per_gpu_hour
    one = GpuPrice(usd_per_gpu_hour=3.0, low=3.0, high=3.0, basis=Basis.PUBLISHED, source="one provider")
    assert price_range(one) == PRICE
    assert price_range(given_price(3.0)) == (1.0, 1.0)
    assert price_range(replace(one, usd_per_gpu_hour=0.0, low=0.0, high=0.0)) == (1.0, 1.0)


def test_gpus_of_one_kind_share_their_price_in_a_draw():
    asked, price = problem(), list_price("h100-sxm")
    training = replace(asked.training, price=price)
    deployment = replace(asked.deployments[0], price=price)
    drawn = money_draws(replace(asked, training=training, deployments=(deployment, deployment)), 300)
    assert np.array_equal(drawn.train[:, 0], drawn.serve[:, 0])
    assert np.array_equal(drawn.serve[:, 0], drawn.serve[:, 1])
    low, high = price_range(price)
    assert low <= drawn.train.min() < 0.8
    assert 1.2 < drawn.train.max() <= high
    assert (drawn.demands[0], drawn.demands[-1]) == pytest.approx(DEMAND)
    assert set(drawn.level) == set(range(len(drawn.demands)))
    assert any("demand" in words for words in drawn.words)
    assert drawn.first(7).draws == 7


def test_without_traffic_there_is_no_demand_to_draw():
    drawn = money_draws(problem(serve_tokens=0), 10)
    assert drawn.demands == (1.0,)
    assert drawn.words == ()
    assert as_stated(problem()).draws == 1
