"""The claims of texts on cost."""

import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.cost.published.ledger import cost_claims, cost_texts, reproduce_costs


def test_the_article_contradicts_itself_where_its_own_numbers_say_so():
    rows = {row.claim: row for row in reproduce_costs("epoch2024")}
    assert {row.verdict for row in rows.values()} == {
        "reproduced",
        "explained",
        "not_reproduced",
        "contradicts_itself",
    }
    assert rows["prefill saves the sparsity factor, 8"].verdict == "contradicts_itself"
    assert all(row.reason for row in rows.values() if row.verdict == "contradicts_itself")


def test_the_general_formula_is_explained_by_the_text_s_other_depth():
    (row,) = (row for row in reproduce_costs("epoch2024") if "general formula" in row.claim)
    assert row.verdict == "explained"
    assert row.causes[0].closes == 1.0
    assert row.causes[0].ours[0] == pytest.approx(952.5e9, rel=1e-3)


def test_printed_outputs_of_a_repository_are_claims_of_its_text():
    claims = cost_claims("erdil2025")
    assert "max_tokens_per_s" in {row.output for row in claims}
    assert all(row.printed for row in claims)


def test_an_unknown_text_is_said():
    with pytest.raises(UnknownNameError, match="epoch2024"):
        reproduce_costs("epoch2042")
    assert list(cost_texts()) == ["epoch2024", "erdil2025"]
