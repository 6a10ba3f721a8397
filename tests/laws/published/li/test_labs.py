"""r of labs' models beside r*: the audit's numbers, and how far outside the fit they are."""

import pytest

from optimoe.laws.published.li.labs import LABS, labs_ratios


@pytest.mark.parametrize(
    ("name", "own", "best", "said"),
    [
        ("mixtral-8x7b, 1T tokens", 4.67, 4.73, "C 79.7×"),
        ("qwen3-30b-a3b, 1T tokens", 0.725, 2.02, "C 23.1×"),
        ("deepseek-v3, 14.8T tokens", 1.07, 3.41, "C 3.71e+03×"),
    ],
)
def test_labs_build_less_expert_than_the_rule_says_but_for_mixtral(name, own, best, said):
    (point,) = (one for one in labs_ratios().series if one.name == name)
    assert point.x[0] == pytest.approx(own, abs=0.005)
    assert point.y[0] == pytest.approx(best, abs=0.006)
    assert said in point.note
    assert "r* " in point.note
    assert point.low[0] < point.y[0] < point.high[0]


def test_tokens_that_no_lab_published_are_said_to_be_assumed():
    notes = {one.name: one.note for one in labs_ratios().series}
    for lab in LABS:
        note = notes[f"{lab.model}, {lab.tokens / 1e12:g}T tokens"]
        assert ("tokens assumed" in note) == (not lab.source)


def test_every_r_star_of_a_lab_lies_beyond_the_ratios_that_were_swept():
    assert all("beyond the fit" in one.note for one in labs_ratios().series[:-1])
