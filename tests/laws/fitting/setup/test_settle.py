"""What a family takes from another law is fixed, unless something is stated of it."""

import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions
from optimoe.laws.fitting.setup.settle import take_given

RULE = find_law("li2026-rstar").row.coefficients


def test_a_family_that_takes_nothing_from_elsewhere_keeps_its_options():
    options = FitOptions(fixed={"alpha": 0.3})
    assert take_given("chinchilla", options) is options


def test_what_another_law_gives_is_fixed_at_its_values():
    assert take_given("li2026", FitOptions(fixed={"d": 0.0})).fixed == {"d": 0.0} | RULE


@pytest.mark.parametrize(
    ("stated", "starts"),
    [
        ({"starts": {"beta0": (0.1, 0.3)}}, (0.1, 0.3)),
        ({"bounds": {"beta0": (0.0, 1.0)}}, (RULE["beta0"],)),
        ({"tied": {"beta0": "beta1"}}, (RULE["beta0"],)),
    ],
)
def test_starts_limits_and_ties_free_what_is_given(stated, starts):
    options = take_given("li2026", FitOptions(**stated))
    assert "beta0" not in options.fixed
    assert options.starts["beta0"] == starts
    assert options.fixed["alpha0"] == RULE["alpha0"]


def test_another_value_that_is_stated_wins():
    assert take_given("li2026", FitOptions(fixed={"beta0": 0.1})).fixed["beta0"] == 0.1
