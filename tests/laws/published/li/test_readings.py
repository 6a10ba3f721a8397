"""What R of eq. 2 may mean, and where the printed coefficients then put the least loss."""

import pytest

from optimoe.laws.published.li.readings import LOOKED, least_loss_by_reading


@pytest.fixture(scope="module")
def shown():
    return {one.name: one.y for one in least_loss_by_reading().series}


def test_without_r_the_best_ratio_lies_far_below_the_rule_and_falls_with_compute(shown):
    found, rule = shown["R = 0, fixed FLOPs"], shown["r* of eq. 1"]
    assert list(found) == sorted(found, reverse=True)
    assert list(rule) == sorted(rule)
    assert max(found) < 0.12 < min(rule)
    assert set(shown["R = 0, fixed N"]) == {LOOKED[0]}


def test_no_reading_gives_the_rule_beyond_the_smallest_budget(shown):
    rule = shown["r* of eq. 1"]
    assert shown["R = |ln(r/r*)|, fixed N"][0] == pytest.approx(rule[0], rel=0.005)
    for name, found in shown.items():
        if name != "r* of eq. 1":
            assert min(abs(one / best - 1) for one, best in zip(found[1:], rule[1:], strict=True)) > 0.1, name


def test_the_note_counts_what_the_series_show():
    note = least_loss_by_reading().notes[-1]
    assert "R = |ln(r/r*)|, fixed N at 1 of 4 budgets" in note
    assert note.endswith("no other reading at any")
