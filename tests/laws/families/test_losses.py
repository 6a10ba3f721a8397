"""What every loss promises: it falls in size and data, takes grids, and knows its gradient."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.loss_law import LossLaw
from tests.laws.cases import CASES, case_id

SHARE = st.floats(0.0, 1.0)
EVERY = pytest.mark.parametrize("case", CASES, ids=case_id)


def moved(law, **coefficients):
    """The same law with some coefficients changed."""
    return type(law)(replace(law.row, coefficients=law.row.coefficients | coefficients))


@EVERY
@given(data=st.data())
def test_loss_falls_in_size_and_data(case, data):
    unit = {symbol: data.draw(SHARE, label=symbol) for symbol in case.box}
    start = case.law.loss(**case.at(unit))
    for symbol in case.falls_in:
        further = min(1.0, unit[symbol] + 0.1)
        assert case.law.loss(**case.at(unit | {symbol: further})) <= start * (1 + 1e-12)


@EVERY
def test_a_grid_gives_what_a_loop_gives(case):
    designs = case.random(20)
    grid = case.law.loss(**designs)
    loop = [
        float(case.law.loss(**{symbol: float(column[i]) for symbol, column in designs.items()})) for i in range(20)
    ]
    np.testing.assert_allclose(grid, loop, rtol=1e-13)


@EVERY
def test_every_input_is_a_variable_of_the_box(case):
    parameters = inspect.signature(case.law.loss).parameters.values()
    assert {one.name for one in parameters if one.default is inspect.Parameter.empty} == set(case.box)


@EVERY
def test_gradient_is_the_limit_of_differences(case):
    designs = case.random(7, seed=1)
    gradient = case.law.gradient(**designs)
    assert tuple(gradient) and set(gradient) == set(case.law.free)
    for name in case.law.free:
        value = case.law.row.coefficients[name]
        step = 1e-5 * abs(value)
        above = moved(case.law, **{name: value + step}).loss(**designs)
        below = moved(case.law, **{name: value - step}).loss(**designs)
        size = np.abs(case.law.loss(**designs)).max() / abs(value)
        expected = np.broadcast_to(gradient[name], above.shape)
        np.testing.assert_allclose(
            (above - below) / (2 * step), expected, rtol=1e-6, atol=1e-9 * size, err_msg=name
        )


@EVERY
def test_coefficients_of_many_fits_are_columns(case):
    designs, factors = case.random(5, seed=2), np.array([[0.99], [1.0], [1.01]])
    batch = moved(case.law, **{name: case.law.row.coefficients[name] * factors for name in case.law.free})
    losses, gradient = batch.loss(**designs), batch.gradient(**designs)
    for fit, factor in enumerate(factors[:, 0]):
        one = moved(case.law, **{name: case.law.row.coefficients[name] * factor for name in case.law.free})
        np.testing.assert_allclose(losses[fit], one.loss(**designs), rtol=1e-12)
        for name, alone in one.gradient(**designs).items():
            row = np.broadcast_to(gradient[name], losses.shape)[fit]
            np.testing.assert_allclose(row, np.broadcast_to(alone, row.shape), rtol=1e-11)


@EVERY
def test_the_loss_or_its_logarithm_is_linear_in_the_linear_coefficients(case):
    law, designs = case.law, case.random(6, seed=3)
    if not law.linear:
        return
    gradient = law.gradient(**designs)
    terms = sum(law.row.coefficients[name] * gradient[name] for name in law.linear)
    loss = law.loss(**designs)
    if law.row.family.startswith("clark"):
        terms, loss = terms / loss, np.log(loss)
    np.testing.assert_allclose(terms, loss, rtol=1e-10)


@pytest.mark.parametrize("case", [case for case in CASES if isinstance(case.law, LossLaw)], ids=case_id)
@given(data=st.data())
def test_tokens_and_loss_invert_each_other(case, data):
    unit = {symbol: data.draw(SHARE, label=symbol) for symbol in case.box}
    design = case.at(unit)
    tokens = design.pop("D")
    curve = case.law.curve(**design)
    assert curve.tokens(curve.loss(tokens)) == pytest.approx(tokens, rel=1e-6)
    assert curve.tokens(curve.floor) == np.inf
