"""What the doubts of a plan are asked of."""

import numpy as np

from optimoe.planner.confidence.draws.asked import ask
from tests.planner.confidence.small import small


def test_every_number_of_experts_is_asked_with_the_numbers_of_its_alternative():
    result, asked = small()
    given = [item.candidate for item in result.alternatives if item.candidate]
    prices = asked.lineup.serve_usd
    assert {family.num_experts for family in asked.lineup.families} == {1, 4, 16}
    assert all(np.isclose(prices, one.serve_usd, rtol=1e-9).any() for one in given)
    assert asked.of == len(asked.lineup)


def test_a_law_that_cannot_be_drawn_is_taken_as_it_is_and_says_why():
    result, asked = small("zhao2025")
    assert "fitted range is not stated" in asked.unknown or "cannot be fitted" in asked.unknown
    assert not asked.law.known
    assert np.ptp(asked.by_law().own_loss) == 0
    assert ask(result, draws=4).by_money().draws == 4
