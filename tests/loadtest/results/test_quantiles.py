"""Percentiles of measured values and the intervals that so few of them leave."""

import math

import numpy as np
import pytest

from optimoe.loadtest.results.quantiles import CONFIDENCE, quantiles


def test_percentiles_are_those_of_numpy_and_nan_is_left_out():
    values = [0.3, math.nan, 0.1, 0.2, 0.9]
    found = quantiles(values)
    assert found.count == 4
    assert found.at(99.0).value == np.percentile([0.3, 0.1, 0.2, 0.9], 99)
    assert (found.lowest, found.highest) == (0.1, 0.9)
    assert found.std == pytest.approx(np.std([0.3, 0.1, 0.2, 0.9]))


def test_an_interval_is_the_one_of_the_binomial_count():
    """The median of 20 values lies between the 6th and the 15th with 95.9 % (David and Nagaraja, table 7.1)."""
    median = quantiles(range(1, 21)).at(50.0)
    assert (median.low, median.high) == (6, 15)


def test_too_few_values_bound_no_high_percentile():
    assert quantiles(range(50)).at(99.0).high == math.inf
    assert quantiles(range(1000)).at(99.0).high < math.inf


@pytest.mark.parametrize("percent", [50.0, 90.0, 99.0])
def test_intervals_hold_the_true_percentile_as_often_as_they_say(percent):
    draws, true = np.random.default_rng(0), -math.log(1 - percent / 100)
    found = [quantiles(draws.exponential(size=150)).at(percent) for _ in range(400)]
    held = sum(one.low <= true <= one.high for one in found) / len(found)
    assert held >= CONFIDENCE - 0.02


def test_no_values_have_no_figures():
    nothing = quantiles([])
    assert nothing.count == 0
    assert math.isnan(nothing.median)
