"""One input at a time."""

from optimoe.planner.confidence.robust import assess
from optimoe.planner.plan import plan
from optimoe.report.records.plan.confidence import robustness_record
from tests.planner.asked import large_plan, problem


def test_each_input_is_moved_alone_and_what_it_changes_is_said():
    result, robust = large_plan()
    names = {swing.name for swing in robust.swings}
    assert {"demand", "serving price", "training price", "MFU", "TPOT limit"} <= names
    demand = next(swing for swing in robust.swings if swing.name == "demand")
    half, twice = demand.choices
    assert half.serve_usd < result.choice.serve_usd < twice.serve_usd
    spans = [swing.span(result.choice) for swing in robust.swings]
    assert spans == sorted(spans, reverse=True)
    assert robust.contending.designs >= 1
    assert {price.limit for price in robust.shadow_prices} >= {"TPOT", "training FLOPs", "loss"}
    assert robust.over_money.drawn
    assert robust.over_laws.opinions[0].law == result.problem.law.row.name
    record = robustness_record(robust, result.choice)
    assert [swing.input for swing in record.swings] == [swing.name for swing in robust.swings]


def test_a_law_that_cannot_be_drawn_says_so():
    robust = assess(plan(problem(law="zhao2025")), draws=8)
    assert robust.uncertainty is None
    assert "fitted range is not stated" in robust.unknown or "cannot be fitted" in robust.unknown
