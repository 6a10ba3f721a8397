"""Verdicts on printed claims."""

import math

from optimoe.core.claims import Cause, Claim, judged, undecided


def claim(**others):
    return Claim(**({"text": "t", "claim": "it is", "law": "a-law", "published": (0.9, 1.1)} | others))


def test_a_cause_that_does_not_touch_the_number_is_left_out():
    done = judged(claim(), (2.0, 2.0), [("nothing", lambda: (2.0, 2.0)), ("half", lambda: (1.5, 1.5))])
    assert [cause.words for cause in done.causes] == ["half"]


def test_a_cause_without_a_number_stands_last_and_explains_nothing():
    nothing = (math.nan, math.nan)
    done = judged(claim(), (2.0, 2.0), [("nothing", lambda: nothing), ("away", lambda: (3.0, 3.0))])
    assert [cause.words for cause in done.causes] == ["away", "nothing"]
    assert done.verdict == "not_reproduced"


def test_without_a_number_of_ours_no_cause_closes_anything():
    done = judged(claim(), (math.nan, math.nan), [("another", lambda: (1.0, 1.0))])
    assert done.verdict == "not_reproduced"
    assert math.isnan(done.causes[0].closes)


def test_a_remark_is_kept_where_ours_is_another_number_only():
    assert judged(claim(reason="so"), (1.0, 1.0)).reason == ""
    assert judged(claim(reason="so"), (2.0, 2.0)).reason == "so"


def test_an_open_end_stays_open():
    assert judged(claim(published=(-math.inf, 1.0)), (0.5, 0.5)).verdict == "reproduced"
    assert judged(claim(published=(1.0, math.inf)), (1e30, 1e30)).verdict == "reproduced"


def test_a_claim_that_could_not_be_computed_has_no_verdict_and_says_why():
    done = undecided(claim(), "no data")
    assert (done.verdict, done.pending) == (None, "no data")


def test_a_stressed_claim_that_is_reproduced_says_which_single_changes_take_that_away():
    changes = [("no", lambda: (1.05, 1.05)), ("away", lambda: (2.0, 2.0)), ("none", lambda: (math.nan, math.nan))]
    done = judged(claim(stressed=True), (1.0, 1.0), changes)
    assert (done.verdict, done.causes) == ("reproduced", ())
    assert [change.words for change in done.turned_by] == ["away", "none"]
    assert judged(claim(), (1.0, 1.0), changes).turned_by == ()


def test_what_a_number_assumes_is_said_with_every_verdict():
    assert judged(claim(assumes="a", reason="so"), (1.0, 1.0)).reason == "a"
    assert judged(claim(assumes="a", reason="so"), (2.0, 2.0)).reason == "a; so"


def test_a_cause_that_the_text_rules_out_is_shown_and_explains_nothing():
    causes = [("another layer", lambda: (1.0, 1.0))]
    row = judged(claim(ruled_out=("another layer",)), (2.0, 2.0), causes)
    assert row.verdict == "not_reproduced"
    assert row.causes == (Cause(words="another layer", ours=(1.0, 1.0), closes=1.0, ruled_out=True),)
    assert judged(claim(), (2.0, 2.0), causes).verdict == "explained"
