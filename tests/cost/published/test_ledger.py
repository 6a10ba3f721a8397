"""The claims of texts on cost."""

import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.cost.published.ledger import cost_claims, cost_texts, reproduce_costs


def test_the_article_contradicts_itself_where_its_own_numbers_say_so():
    rows = {row.claim: row for row in reproduce_costs("epoch2024")}
    assert {row.verdict for row in rows.values()} == {"reproduced", "explained", "contradicts_itself"}
    assert rows["prefill saves the sparsity factor, 8"].verdict == "contradicts_itself"
    assert all(row.derived for row in rows.values() if row.verdict == "contradicts_itself")


def test_the_general_formula_is_explained_by_the_text_s_other_depth():
    (row,) = (row for row in reproduce_costs("epoch2024") if "general formula" in row.claim)
    assert row.verdict == "explained"
    assert row.causes[0].closes == 1.0
    assert row.causes[0].ours[0] == pytest.approx(952.5e9, rel=1e-3)


@pytest.mark.parametrize(
    ("claim", "closes"),
    [("65 %", 0.91), ("50 %", 0.53), ("MQA", 1.0), ("Llama 3 405B", 1.0)],
)
def test_a_number_of_the_article_that_is_not_its_formula_s_has_a_likely_origin_that_was_run(claim, closes):
    rows = [row for row in reproduce_costs("epoch2024") if claim in row.claim and row.verdict == "explained"]
    assert [row.causes[0].closes for row in rows] == [pytest.approx(closes, abs=0.01)]


def test_the_all_reduce_of_the_example_holds_for_the_printed_megabyte_alone():
    rows = {row.claim: row for row in reproduce_costs("epoch2024")}
    assert rows["their all-reduce takes 2.7 ms at 112 GB/s"].verdict == "reproduced"
    exact = rows["the same with 8192 × 80 × 2 bytes a token"]
    assert exact.verdict == "contradicts_itself"
    assert exact.ours[0] == pytest.approx(3.51e-3, rel=1e-3)


def test_the_eight_numbers_of_gpt_4_are_reproduced():
    rows = {row.claim: row.verdict for row in reproduce_costs("epoch2024")}
    eight = [claim for claim, verdict in rows.items() if verdict == "reproduced"]
    for words in ("1.8T param", "arithmetic is", "55B param", "10 times", "half of", "635B", "950B", "75 %"):
        assert any(words in claim for claim in eight), words


def test_printed_outputs_of_a_repository_are_claims_of_its_text():
    claims = cost_claims("erdil2025")
    assert "max_tokens_per_s" in {row.output for row in claims}
    assert all(row.printed for row in claims)


def test_an_unknown_text_is_said():
    with pytest.raises(UnknownNameError, match="epoch2024"):
        reproduce_costs("epoch2042")
    assert list(cost_texts()) == ["epoch2024", "erdil2025"]
