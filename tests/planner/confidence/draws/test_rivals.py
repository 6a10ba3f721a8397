"""Laws that may rank the choice."""

from optimoe.planner.confidence.draws.rivals import NEAR, rivals
from tests.planner.confidence.small import small


def test_laws_of_other_papers_that_rank_the_choice_and_others_are_rivals():
    result, asked = small()
    found = {law.row.name: near for law, near in rivals(result, asked.lineup)}
    assert {"ludziejewski2025", "zhao2025"} <= set(found)
    assert not {"besiroglu2024", result.problem.law.row.name} & set(found)
    assert all(0 < len(near) <= NEAR for near in found.values())
    assert {law.row.name for law in asked.rivals} == set(found)
