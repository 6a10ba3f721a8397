"""Published numbers in words stand beside ours."""

import math

import pytest

from optimoe.cost.published.catalog import Reproduction
from optimoe.planner.published.verdict import ClaimVerdict
from optimoe.planner.published.yun import YunAnswer
from optimoe.report.words.reproduce_prose import answer_tables, reproduction_lines


def answer(law="a law", **numbers):
    values = {
        "flops": 1e21, "experts": 4, "params": 2e9, "tokens": 3e10, "loss": 2.5, "usd_per_mtok": 0.25,
        "over_trained": 0.5, "equal_quality_cost": math.nan, "equal_cost_loss": math.nan,
    }  # fmt: skip
    return YunAnswer(law=law, **(values | numbers))


def test_a_number_stands_beside_ours_with_the_reason_where_it_differs():
    same = Reproduction(claim="it is 2", published=2.0, ours=2.0, verdict="reproduced", reason="")
    other = Reproduction(claim="it is 3", published=3.0, ours=2.5, verdict="not_reproduced", reason="rounded")
    assert reproduction_lines([same, other]) == [
        ("reproduced", "it is 2: printed 2, ours 2"),
        ("not reproduced", "it is 3: printed 3, ours 2.5 (rounded)"),
    ]


@pytest.mark.parametrize(("ours", "words"), [((1.0, 1.0), "ours 1"), ((1.0, 2.0), "ours 1 to 2")])
def test_a_range_is_said_by_its_ends(ours, words):
    row = ClaimVerdict(
        claim="it grows", law="a law", published=(1.0, 2.0), ours=ours, verdict="explained", reason="another law"
    )
    assert reproduction_lines([row]) == [("explained", f"a law: it grows: {words} (another law)")]


def test_every_law_has_a_table_with_a_dash_where_no_design_does_it():
    first, second = answer_tables([answer(), answer(experts=8), answer("another")])
    assert [len(first), len(second)] == [3, 2]
    heads, row = first[:2]
    shown = dict(zip(heads, row, strict=True))
    assert shown["a law"] == "1.00e21 FLOP"
    assert (shown["N"], shown["D"], shown["loss"], shown["USD/Mtok"]) == ("2.00B", "30.0B", "2.500", "0.250")
    assert (shown["alike: N"], shown["price"], shown["alike: loss"]) == ("50%", "–", "–")
