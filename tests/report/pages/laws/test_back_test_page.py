"""The page of a back-test: error by law, and run by run."""

import math
from dataclasses import replace

import pytest

from optimoe.laws.fitting.anchoring import BackTest, BackTests, PredictedRun
from optimoe.report.pages.laws.back_test_page import (
    LEAST_DRAWN,
    MOST_LAWS,
    back_test_page,
    best_ways,
    errors_figure,
    measured_figure,
    runs_table,
)
from optimoe.report.words.laws.back_test import back_test_sentence

MEASURED = {"small": 3.0, "large": 2.5}


def test_of(law, way, runs, error, only=tuple(MEASURED)):
    predicted = tuple(
        PredictedRun(run=run, measured=loss, predicted=loss + error)
        for run, loss in MEASURED.items()
        if run in only
    )
    return BackTest(
        law=law, way=way, runs=runs, held=len(only), median=abs(error), unlucky=abs(error), worst=error,
        bias=error, decades=0.0, predicted=predicted, source=f"paper of {law}",
    )  # fmt: skip


test_of.__test__ = False


def back_tests():
    return BackTests(
        tests=(
            test_of("ours", "fitted", 8, 0.004),
            test_of("theirs", "anchored", 4, -0.02),
            test_of("dense", "offset", 8, 0.3, only=("large",)),
            test_of("theirs", "as published", 0, 7.0),
        ),
        silent={"other": "not applicable: routed models alone"},
        rule="D > 6e6",
        seen=8,
        held=2,
        seed_spread=0.008,
        source="records.jsonl",
    )


def test_the_sentence_names_the_best_law_and_its_error_against_the_spread_of_the_seeds():
    found = back_tests()
    assert back_test_sentence(found) == (
        "ours fitted to 8 runs predicts the 2 runs held out best: 0.0040 nats off in the median; 0.5 times the "
        "spread of runs that differ in the seed alone (0.0080)."
    )
    assert "no run was repeated" in back_test_sentence(replace(found, seed_spread=math.nan))
    assert back_test_sentence(replace(found, tests=())) == "No law could be tested."
    page = back_test_page(found)
    assert back_test_sentence(found) in page
    assert "other: not applicable: routed models alone" in page
    assert "theirs: paper of theirs" in page and "runs: records.jsonl" in page


def test_run_by_run_each_law_stands_in_its_best_way_and_a_run_that_it_ranks_not_is_a_dash():
    best = best_ways(back_tests())
    assert [(one.law, one.way) for one in best] == [
        ("ours", "fitted"),
        ("theirs", "anchored"),
        ("dense", "offset"),
    ]
    heads, *rows = runs_table(best).rows
    assert heads[2:] == ("ours fitted to 8 runs", "theirs anchored on 4 runs", "dense with the offset of 8 runs")
    assert rows == [
        ("small", "3.0000", "+0.0040", "-0.0200", "–"),
        ("large", "2.5000", "+0.0040", "-0.0200", "+0.3000"),
    ]
    figure = measured_figure(best, 0.008)
    drawn = {trace.name: trace for trace in figure.data if trace.name}
    assert list(drawn["theirs anchored on 4 runs"].x) == pytest.approx([2.98, 2.48])
    assert list(drawn["theirs anchored on 4 runs"].y) == [3.0, 2.5]
    assert drawn["ours fitted to 8 runs"].error_y.value == 0.008


def test_errors_are_drawn_by_way_beside_the_spread_of_the_seeds_and_more_laws_than_colours_are_left_out():
    found = back_tests()
    drawn = {trace.name: trace for trace in errors_figure(found).data}
    assert set(drawn) == {"fitted", "anchored", "offset", "as published", "spread of the seeds"}
    assert list(drawn["spread of the seeds"].x) == [0.008] * 2
    exact = replace(found, tests=(test_of("exact", "fitted", 8, 0.0),), seed_spread=math.nan)
    (alone,) = errors_figure(exact).data
    assert list(alone.x) == [LEAST_DRAWN]
    many = replace(found, tests=tuple(test_of(f"law{n}", "fitted", 8, 0.001 * n) for n in range(1, 10)))
    assert back_test_page(many).count("fitted to 8 runs</th>") == MOST_LAWS
