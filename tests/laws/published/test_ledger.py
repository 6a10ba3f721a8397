"""Claims of papers on laws: rows of files, and the printed check-values of the laws."""

import pytest

from optimoe.core.claims import CheckRow, printed_value, run_claim
from optimoe.core.config import build
from optimoe.core.errors import UnknownNameError
from optimoe.laws.catalog import find_published_law, published_checks
from optimoe.laws.published.computed import computed
from optimoe.laws.published.ledger import law_claims, law_texts, reproduce_laws
from optimoe.laws.published.rounding import Digits

CHECKS = [build(CheckRow, row, where="published checks") for row in published_checks()]


def test_every_printed_check_value_has_its_digits_and_is_the_claim_of_one_text():
    printed = [row for row in CHECKS if row.source == "printed"]
    assert all(row.printed for row in printed)
    fed = [row.claim for text in law_texts() for row in law_claims(text)]
    for row in printed:
        text = row.law.split("-")[0]
        assert text in law_texts()
        assert any(claim.startswith(f"{row.output} ") and claim.endswith(row.printed) for claim in fed), row


def test_printed_coefficients_are_those_of_the_library():
    for text in law_texts().values():
        for law, digits in text.digits.items():
            own = find_published_law(law).row.coefficients
            for name, printed in digits.items():
                assert printed_value(printed) == pytest.approx(own[name], rel=1e-12), (law, name)


def test_every_extra_cause_meets_a_check_value():
    for text in law_texts().values():
        for extra in text.extra:
            assert any(
                (row.law, row.output, row.printed) == (extra.law, extra.output, extra.printed) for row in CHECKS
            )


def test_a_check_of_restored_digits_is_a_claim_about_the_row_as_printed():
    """The digits were chosen inside the rounding with the printed outputs in sight: they prove nothing alone."""
    claims = [row for text in ("krajewski2024", "clark2022") for row in law_claims(text)]
    assert not any(row.law.endswith("-digits") for row in claims)
    (claim,) = (row for row in claims if row.printed == "3.133")
    row = run_claim(claim, lambda asked: computed(asked, Digits(law_texts()["krajewski2024"].digits)))
    assert (row.law, row.verdict) == ("krajewski2024-e64", "explained")
    assert any("krajewski2024-e64-digits" in cause.words for cause in row.causes)


def test_rounding_does_not_explain_the_factors_of_the_joint_law_s_table_4():
    """m at E = 1 is 0.12 % off; the four digits of Table 3 move it by 0.02 %."""
    (row,) = (row for row in reproduce_laws("ludziejewski2025") if row.printed == "30.3640")
    assert row.verdict == "not_reproduced"
    assert 0 < row.causes[0].closes < 0.5


@pytest.mark.parametrize("text", ["kaplan2020", "li2026", "tian2025", "hoffmann2022", "yun2024"])
def test_texts_that_contradict_themselves_are_shown(text):
    rows = [row for row in reproduce_laws(text) if row.verdict == "contradicts_itself"]
    assert rows
    assert all(row.derived for row in rows)


def test_a_text_without_printed_outputs_says_so():
    assert reproduce_laws("liew2025") == []
    assert "nothing to hold" in law_texts()["liew2025"].about
    assert "epoch2024" not in law_texts()  # its outputs are the cost model's


def test_without_their_data_sets_claims_have_no_verdict(monkeypatch, tmp_path):
    monkeypatch.setenv("OPTIMOE_DATA", str(tmp_path))
    rows = [row for row in reproduce_laws("clark2022") if row.where.startswith("dense law")]
    assert rows
    assert all(row.verdict is None and "routing_curves" in row.pending for row in rows)


def test_an_unknown_text_is_said():
    with pytest.raises(UnknownNameError, match="clark2022"):
        reproduce_laws("clark2020")
