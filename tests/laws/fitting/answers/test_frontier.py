"""The compute-optimal frontier of a law, in closed form where there is one."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import find_frontier

FLOPS = [1e20, 1e22, 1e24]


def test_the_frontier_of_two_powers_is_its_closed_form():
    law = find_law("besiroglu2024")
    found = find_frontier(law.row, FLOPS)
    for point in found.points:
        assert point.params.value == pytest.approx(law.optimal_params(point.train_flops), rel=1e-6)
        assert 6 * point.params.value * point.tokens.value == pytest.approx(point.train_flops)
        assert point.tokens_per_param.value == pytest.approx(point.tokens.value / point.params.value)
    assert found.params.value == pytest.approx(law.params_exponent(), rel=1e-6)
    assert found.params.value + found.tokens.value == pytest.approx(1)
    assert found.draws == 0
    assert np.isnan(found.params.low)


def test_draws_give_every_number_its_interval():
    row = find_law("besiroglu2024").row
    alphas = tuple(row.coefficients["alpha"] + np.linspace(-0.02, 0.02, 41))
    found = find_frontier(replace(row, draws={"alpha": alphas}), FLOPS)
    ends = [row.coefficients["beta"] / (row.coefficients["beta"] + alphas[place]) for place in (-3, 2)]
    assert (found.params.low, found.params.high) == pytest.approx(ends, abs=2e-3)
    assert found.draws == 41
    for point in found.points:
        assert point.params.low < point.params.value < point.params.high
        assert point.loss.low < point.loss.value < point.loss.high


def test_other_variables_are_set_as_numbers_or_formulas_of_the_size():
    law = find_law("ludziejewski2025")
    few, many = (find_frontier(law.row, FLOPS, others={"E": experts}) for experts in ("1", "64"))
    assert many.points[0].loss.value < few.points[0].loss.value
    alike = find_frontier(law.row, FLOPS, others={"E": "1 + 63*N_act/N_act"})
    assert alike.points[1].params.value == pytest.approx(many.points[1].params.value)
    with pytest.raises(ConfigError, match="asked with E"):
        find_frontier(law.row, FLOPS)
    with pytest.raises(UnknownNameError, match="'G'"):
        find_frontier(law.row, FLOPS, others={"G": "1"})


def test_points_beyond_the_fitted_range_say_how_far():
    row = replace(find_law("besiroglu2024").row, range={"N": (1e6, 1e9)})
    found = find_frontier(row, [1e18, 1e26])
    assert found.points[0].decades_beyond == 0
    assert found.points[1].decades_beyond == pytest.approx(np.log10(found.points[1].params.value / 1e9))


def test_a_law_without_an_optimum_is_refused():
    row = find_law("besiroglu2024").row
    flat = replace(row, coefficients=row.coefficients | {"B": 1e-12})
    with pytest.raises(ConfigError, match="must have an optimum at C = 6ND"):
        find_frontier(flat, FLOPS)
    with pytest.raises(ConfigError, match="no size and tokens"):
        find_frontier(find_law("kaplan2020-n").row, FLOPS)
