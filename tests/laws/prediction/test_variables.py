"""The variables of laws: where a figure begins, and how far it goes."""

import math

import pytest

from optimoe.core.errors import OptimoeError
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.prediction import predict
from optimoe.laws.prediction.variables import law_variables

LOSSES = [name for name in law_names() if "L" in find_law(name).outputs]


def test_a_range_is_begun_in_its_middle_and_shown_with_a_decade_to_each_side():
    found = law_variables(find_law("besiroglu2024").row, find_law("besiroglu2024"))["N"]
    assert found.fitted == (7e7, 1.6e10)
    assert found.usual == 1.1e9  # √(7e7 · 1.6e10), to two digits
    assert found.span == (7e6, 1.6e11)
    assert found.unit == "parameters, with embeddings"


def test_what_has_no_range_begins_at_an_order_of_size_and_a_share_stays_one():
    found = law_variables(find_law("abnar2025").row, find_law("abnar2025"))
    assert (found["N"].fitted, found["N"].usual) == ((), 1e9)
    assert 0 < found["S"].span[0] < found["S"].usual < found["S"].span[1] < 1


@pytest.mark.parametrize("name", LOSSES)
def test_every_law_of_a_loss_answers_where_a_figure_begins_and_at_its_ends(name):
    law = find_law(name)
    known = law_variables(law.row, law)
    needed = law.required("L")
    usual = {symbol: known[symbol].usual for symbol in needed}
    places = [usual] + [{**usual, symbol: end} for symbol in needed for end in known[symbol].span]
    for place in places:
        try:
            assert math.isfinite(float(predict(law, "L", place).value))
        except OptimoeError as error:
            assert "none in the library" in str(error) or "inconsistent" in str(error)
