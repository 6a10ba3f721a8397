"""Laws that may rank the choice."""

import pytest

from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.over_laws import LawOpinion, _together, over_laws
from optimoe.planner.problem.family import Family
from tests.planner.confidence.small import small


def test_laws_count_alike_whatever_their_draws():
    eight, dense = Family(num_experts=8), Family(num_experts=1)
    sure = LawOpinion(law="a", drawn=False, chances=(Chance(family=eight, probability=1.0),))
    torn = LawOpinion(
        law="b",
        drawn=True,
        chances=(Chance(family=dense, probability=0.6), Chance(family=eight, probability=0.4)),
    )
    found = _together([sure, torn])
    assert [(one.family, one.probability) for one in found] == [(eight, pytest.approx(0.7)), (dense, 0.3)]


def test_a_dense_law_says_nothing_of_experts():
    result, asked = small()
    found = over_laws(asked, asked.by_law().chances())
    names = [one.law for one in found.opinions]
    assert names[0] == result.problem.law.row.name
    assert "ludziejewski2025" in names
    assert "besiroglu2024" not in names
    assert sum(one.probability for one in found.chances) == pytest.approx(1)
    assert not next(one for one in found.opinions if one.law == "zhao2025").drawn
