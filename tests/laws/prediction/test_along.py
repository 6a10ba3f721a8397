"""A law along one of its variables."""

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.prediction import predict
from optimoe.laws.prediction.along import Along, predict_along

OTHERS = {"N_total": 1e11, "D": 1e11}


def test_every_point_is_what_the_law_says_there():
    law, along = find_law("optimoe2026"), Along(variable="N_act", low=1e9, high=4e9, points=3)
    found = predict_along(law, "L", OTHERS, along)
    assert along.values == pytest.approx((1e9, 2e9, 4e9))
    assert found.points == tuple(predict(law, "L", {"N_act": value, **OTHERS}) for value in along.values)


def test_its_ends_are_the_stated_ones_to_the_digit():
    along = Along(variable="D", low=3.7e9, high=1.1e13, points=17)
    assert (along.values[0], along.values[-1]) == (3.7e9, 1.1e13)
    assert list(along.values) == sorted(along.values)


@pytest.mark.parametrize(
    ("low", "high", "points"), [(0, 1, 5), (2, 1, 5), (1, float("inf"), 5), (1, 2, 1), (1, 2, 401)]
)
def test_ends_and_points_have_limits(low, high, points):
    with pytest.raises(ConfigError):
        Along(variable="N", low=low, high=high, points=points)


def test_a_variable_that_the_law_has_not_is_unknown_and_one_that_is_stated_does_not_move():
    law = find_law("besiroglu2024")
    with pytest.raises(UnknownNameError, match="known: D, N"):
        predict_along(law, "L", {"N": 1e9, "D": 1e11}, Along(variable="E", low=1, high=8))
    with pytest.raises(ConfigError, match="another variable than those stated"):
        predict_along(law, "L", {"N": 1e9, "D": 1e11}, Along(variable="N", low=1e9, high=1e10))
