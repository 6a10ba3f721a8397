"""How far an output moves within the rounding of printed numbers."""

import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.published.rounding import output_in_rounding


def test_a_cut_off_moves_as_far_as_the_last_digits_of_its_two_coefficients_allow():
    low, high = output_in_rounding("clark2022-hash", "N_cutoff", {}, {"b": "-0.136", "c": "0.012"}, {})
    assert (low, high) == (pytest.approx(10 ** (0.1355 / 0.0125)), pytest.approx(10 ** (0.1365 / 0.0115)))


def test_rounded_inputs_move_an_output_as_well():
    low, high = output_in_rounding("hoffmann2022-flops", "C", {"N": 1e9, "D": 2e10}, {}, {"N": "1.0B", "D": "20B"})
    assert (low, high) == (pytest.approx(6 * 0.95e9 * 19.5e9), pytest.approx(6 * 1.05e9 * 20.5e9))


def test_without_rounded_numbers_the_output_is_itself():
    value = float(find_law("zhao2025").evaluate("G_opt", {}))
    assert output_in_rounding("zhao2025", "G_opt", {}, {}, {}) == (value, value)
