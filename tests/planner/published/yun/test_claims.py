"""Yun 2024's claims under laws that are published."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.claims import printed_range
from optimoe.planner.published.yun.claims import NO_DENSE, YunClaim, laws_of, reproduce_yun, yun_claims
from optimoe.planner.published.yun.quantities import OF_NO_LAW, QUANTITIES
from optimoe.planner.published.yun.setting import AT_ONE_EXPERT, CHANGES, LAWS, ROUTED_ONLY


@pytest.fixture(scope="module")
def rows():
    return reproduce_yun()


def of(rows, words, law=""):
    return [row for row in rows if words in row.claim and (not law or row.law == law)]


def test_every_claim_names_a_quantity_and_can_be_read():
    for claim in yun_claims():
        assert claim.quantity in QUANTITIES
        assert all(not cause.quantity or cause.quantity in QUANTITIES for cause in claim.cause)
        assert printed_range(claim.printed)[0] < printed_range(claim.printed)[1]


def test_every_claim_has_a_verdict_under_every_law_that_may_rank_its_designs(rows):
    assert len(rows) == sum(len(laws_of(claim.quantity)) for claim in yun_claims())
    assert all(np.isfinite(row.ours).all() for row in rows)
    assert {row.law for row in rows} == {"", *LAWS}


def test_the_headline_stands_first(rows):
    assert rows[0].where == "abstract"
    assert "cheapest to serve" in rows[0].claim


def test_sizes_are_those_of_their_appendix(rows):
    stored = of(rows, "times the dense twin (c = 1/3)")
    assert [row.printed for row in stored] == ["2.00", "3.33", "6.00", "11.33"]
    assert {row.verdict for row in stored} == {"reproduced"}


def test_8_experts_are_cheapest_at_equal_loss_at_the_largest_budget_under_the_law_of_dense_models_and_moes(rows):
    """Under their own architecture; with 16 GPUs no longer, nor under the default law."""
    (row,) = of(rows, "16 experts of 8.18e21 FLOP", "ludziejewski2025")
    assert row.verdict == "reproduced"
    assert {"up to 16 GPUs", "another law, optimoe2026"} <= {change.words for change in row.turned_by}
    (small,) = of(rows, "16 experts of 2.12e21 FLOP", "ludziejewski2025")
    assert small.verdict == "explained"
    assert small.causes[0].words == "at 8.18e21 FLOP, its largest budget"
    (own,) = of(rows, "16 experts of 8.18e21 FLOP", "optimoe2026")
    assert own.verdict == "explained"
    assert "another law, ludziejewski2025" in {cause.words for cause in own.causes}


def test_a_reproduced_claim_of_a_law_says_what_takes_that_away(rows):
    fragile = [row for row in rows if row.verdict == "reproduced" and "cheapest to serve" in row.claim]
    assert fragile
    assert all(row.turned_by for row in fragile)


def test_a_claim_that_differs_says_what_single_changes_and_another_law_give(rows):
    differing = [row for row in rows if row.verdict != "reproduced" and row.law]
    assert differing
    for row in differing:
        ran = {cause.words for cause in row.causes}
        assert any("another law" in words for words in ran) or row.ours == (32.0, 32.0)
        assert ran & set(CHANGES) or row.ours == (32.0, 32.0)


def test_nothing_is_explained_by_causes_that_close_less_than_half_of_the_gap_or_are_ruled_out(rows):
    assert any(cause.ruled_out for row in rows for cause in row.causes)
    for row in rows:
        best = max((cause.closes for cause in row.causes if not cause.ruled_out), default=0.0)
        assert (row.verdict == "explained") == (row.verdict != "reproduced" and best >= 0.5)


def test_the_law_of_moes_reads_a_dense_size_by_assumption_and_says_so_elsewhere(rows):
    sizes = of(rows, "loss-optimal dense N", ROUTED_ONLY)
    assert len(sizes) == 2
    assert all(AT_ONE_EXPERT in row.reason for row in sizes)
    against_dense = [row for row in rows if "dense optimum" in row.claim]
    assert ROUTED_ONLY not in {row.law for row in against_dense}
    assert all(NO_DENSE in row.reason for row in against_dense)


def test_a_dense_size_is_as_good_as_the_printed_one_within_their_own_fit_error(rows):
    (row,) = of(rows, "dense N at 2.12e21", "optimoe2026")
    (near,) = (cause for cause in row.causes if "fit error" in cause.words)
    assert near.closes == 1
    assert near.ours[0] < 3.36e9 < near.ours[1]


def test_a_law_that_ranks_their_designs_by_assumption_says_so(rows):
    ranked = [row for row in rows if row.law == "ludziejewski2025" and "loss-optimal dense N" not in row.claim]
    assert all("top-2 routing (fitted on top-1)" in row.reason for row in ranked)


def test_the_growth_of_the_gap_is_judged_by_its_sign(rows):
    verdicts = {row.law: row.verdict for row in of(rows, "that gap grows")}
    assert verdicts["ludziejewski2025"] == verdicts["zhao2025"] == "reproduced"
    assert verdicts["optimoe2026"] == "explained"  # a power of the expansion has one gain at every budget


def test_a_range_or_a_bound_is_to_hold_for_every_budget_and_a_number_for_one():
    claim = YunClaim(claim="c", printed="1 to 2", quantity="q", budgets=(1e21,))
    assert claim.whole
    assert replace(claim, printed=">1").whole
    assert not replace(claim, printed="3.36B").whole


def test_what_no_law_touches_is_asked_once():
    assert all(laws_of(quantity) == LAWS[:1] for quantity in OF_NO_LAW)
    assert ROUTED_ONLY not in laws_of("price_8_over_dense")
    assert ROUTED_ONLY in laws_of("dense_params")
