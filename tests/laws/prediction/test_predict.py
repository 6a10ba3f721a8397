"""An output of a law with its band, its range and its bound."""

import math

import numpy as np
import pytest

from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.prediction import predict, reach_of


def predicted(name, symbol, **inputs):
    return predict(find_law(name), symbol, inputs)


def test_a_budget_beyond_the_fit_is_beyond_it():
    found = predicted("li2026-rstar", "r_star", E=129.0, C=1e24)
    assert {one.symbol: round(one.decades, 1) for one in found.reach.beyond} == {"C": 3.0, "r_star": 0.3}
    assert found.reach.unstated == ()  # E stands for 1 − S


@pytest.mark.parametrize(("flops", "far"), [(1e17, False), (1e24, True)])
def test_an_optimum_is_placed_by_its_own_size_and_tokens_where_budgets_have_no_range(flops, far):
    found = predicted("krajewski2024-e64", "G_opt", F=flops)
    assert {"N_act", "D", "G"} <= {one.symbol for one in found.reach.placed}
    assert ("N_act" in {one.symbol for one in found.reach.beyond}) is far


def test_the_optimum_at_a_granularity_is_that_of_the_granularity():
    law = find_law("krajewski2024-e64")
    asked = {"L_at_G": {"F": 1e20, "G": 2.0}, "L_opt": {"F": 1e20}}
    at_two, best = (reach_of(law, symbol, inputs, 0.0) for symbol, inputs in asked.items())
    sizes = [next(one.value for one in where.placed if one.symbol == "N_act") for where in (at_two, best)]
    assert sizes[0] == pytest.approx(float(law.evaluate("N_act_at_G", {"F": 1e20, "G": 2.0})))
    assert sizes[0] != sizes[1]


def test_an_input_without_a_range_is_named():
    found = predicted("liew2025-dense", "L", N1=1e9, D=2e10)
    assert set(found.reach.unstated) == {"N1", "D"}
    assert found.reach.words == "not stated for N1, D"


def test_draws_give_every_output_a_band_and_a_law_without_any_says_so():
    found = predicted("optimoe2026", "N_opt", C=1e21, x=8.0)
    assert found.low < found.value < found.high
    assert found.band.startswith("90 % of its draws")
    none = predicted("besiroglu2024", "N_opt", C=1e21)
    assert math.isnan(none.low)
    assert none.band.startswith("not known")


def test_the_band_of_a_loss_is_that_of_the_law():
    law, inputs = find_law("besiroglu2024"), {"N": 7e10, "D": 1.4e12}
    found = predict(law, "L", inputs)
    assert (found.value, found.low, found.high) == law.loss_and_band(inputs)


@pytest.mark.parametrize("name", ["optimoe2026", "optimoe2026-nonembedding"])
def test_every_output_of_a_law_with_draws_has_a_band_around_it(name):
    law, given = find_law(name), {"N_act": 1e9, "N_total": 8e9, "D": 2e10, "C": 1e21, "x": 8.0, "L": 2.5}
    assert name in law_names()
    for symbol in law.outputs:
        inputs = {one: given[one] for one in law.required(symbol) if one in given}
        if set(inputs) == set(law.required(symbol)):
            found = predict(law, symbol, inputs)
            assert found.low <= np.nextafter(found.value, np.inf)
            assert found.high >= np.nextafter(found.value, 0)


def test_tokens_per_parameter_are_those_of_the_laws_own_size_in_whatever_order_sizes_are_stated():
    size = {"N_act": 1e9, "N_total": 1e10}
    found = [
        predicted("optimoe2026", "L", **dict(order), D=1e12).reach.placed
        for order in (size.items(), reversed(size.items()))
    ]
    assert found[0] == found[1]
    assert next(one.value for one in found[0] if one.symbol == "D_over_N") == 1000.0
