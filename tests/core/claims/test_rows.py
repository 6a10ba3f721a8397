"""Claims are computed, and where ours is another number their causes are run."""

import math

import pytest

from optimoe.core.claims import Asked, CauseRow, CheckRow, ClaimRow, Derived, DerivedRow, check_claim, run_claim
from optimoe.core.errors import DataSetError


def claim(printed="2.0", **others):
    return ClaimRow(text="t", claim="it is", printed=printed, **{"inputs": {"x": 3.0}} | others)


def ask(asked: Asked):
    value = asked.inputs["x"]
    return (value - asked.inputs.get("spread", 0.0), value)


def cause(words, **inputs):
    return CauseRow(words=words, inputs=inputs)


def test_a_number_within_the_printed_rounding_is_reproduced_and_no_cause_is_run():
    done = run_claim(claim("3.0", cause=(cause("never", x="text"),)), ask)
    assert done.verdict == "reproduced"
    assert done.causes == ()


def test_a_cause_says_how_much_of_the_gap_it_closes_the_largest_share_first():
    done = run_claim(
        claim("2.0", cause=(cause("a little", x=2.9), cause("all", spread=2.0), cause("away", x=4.0))), ask
    )
    assert [(one.words, one.closes) for one in done.causes] == [
        ("all", 1.0),
        ("a little", pytest.approx(0.1 / 0.95)),
        ("away", pytest.approx(-1 / 0.95)),
    ]
    assert done.verdict == "explained"


def test_a_difference_whose_causes_close_less_than_half_is_not_explained():
    assert run_claim(claim("2.0", cause=(cause("a little", x=2.6),)), ask).verdict == "not_reproduced"
    assert run_claim(claim("2.0", reason="it is so"), ask).verdict == "not_reproduced"


def own(formula="a", **printed):
    return DerivedRow(words="its table", formula=formula, printed=printed)


@pytest.mark.parametrize("reason", ["", "3 by its table, and whatever else a file may say"])
def test_a_text_contradicts_itself_where_its_other_numbers_give_ours_and_never_the_printed_one(reason):
    def verdict(printed, derived):
        return run_claim(claim(printed, contradicts=derived, reason=reason), ask).verdict

    assert verdict("2.0", own(a="3.0")) == "contradicts_itself"
    assert verdict("2.0", own("a + b", a="1.0", b="2.0")) == "contradicts_itself"
    assert verdict("3.0", own(a="3.0")) == "reproduced"
    assert verdict("2.0", own(a="4.0")) == "not_reproduced"  # it does not give ours
    assert verdict("2.9", own(a="3")) == "not_reproduced"  # its rounding holds the printed number too
    assert verdict("2.0", None) == "not_reproduced"


def test_what_a_text_gives_itself_is_shown_where_ours_is_another_number():
    done = run_claim(claim("2.0", contradicts=own("2 * a", a="1.5")), ask)
    assert done.derived == Derived(words="its table", formula="2 * a", ours=(2.9, 3.1))
    assert run_claim(claim("3.0", contradicts=own(a="3.0")), ask).derived is None


def test_an_identity_holds_only_where_our_range_holds_it():
    assert run_claim(claim("2", exact=True, inputs={"x": 2.01, "spread": 0.02}), ask).verdict == "reproduced"
    assert run_claim(claim("2", exact=True, inputs={"x": 2.01}), ask).verdict == "not_reproduced"


def test_a_printed_range_holds_the_whole_of_ours():
    assert run_claim(claim("2.0 to 3.0", inputs={"x": 2.9, "spread": 0.5}), ask).verdict == "reproduced"
    assert run_claim(claim("2.0 to 3.0", inputs={"x": 2.9, "spread": 1.5}), ask).verdict == "not_reproduced"


def test_without_its_data_set_a_claim_has_no_verdict_and_says_which():
    def without(asked: Asked):
        raise DataSetError("data set runs: not found")

    done = run_claim(claim(), without)
    assert done.verdict is None
    assert math.isnan(done.ours[0])
    assert "data set runs" in done.pending


def test_a_printed_check_value_is_a_claim():
    row = CheckRow(
        law="a-law", output="N_opt", value=1.7e9, tolerance_rel=0.1, inputs={"F": 1e20}, source="printed",
        where="Table 1", printed="1.7B",
    )  # fmt: skip
    made = check_claim(row, "a")
    assert made.claim == "N_opt at F = 1e+20 is 1.7B"
    assert (made.law, made.where, made.output, made.printed) == ("a-law", "Table 1", "N_opt", "1.7B")
