"""Yun 2024's claims under laws that are published."""

import numpy as np
import pytest

from optimoe.core.claims import Claim, judged
from optimoe.core.errors import InfeasibleError
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.published.yun import LAWS, loss_optimal, yun_answers, yun_pools
from optimoe.planner.published.yun_claims import QUANTITIES, SLACK, TEXT, VARIANTS, reproduce_yun


@pytest.fixture(scope="module")
def rows():
    return reproduce_yun()[1]


def test_every_claim_has_a_verdict_under_every_law_that_may_rank_its_designs(rows):
    by_law = {name: {row.claim for row in rows if row.law == name} for name in LAWS}
    of_dense = by_law["ludziejewski2025"] - by_law["zhao2025"]  # zhao2025 is a law of MoEs
    assert len(rows) == sum(map(len, by_law.values()))
    assert of_dense
    assert all("dense" in claim for claim in of_dense)
    assert all(np.isfinite(row.ours).all() for row in rows)


def test_a_claim_that_differs_says_what_other_shapes_and_another_law_give(rows):
    differing = [row for row in rows if row.verdict != "reproduced"]
    assert differing
    for row in differing:
        alone = row.law == "ludziejewski2025" and "dense" in row.claim
        assert any("another law" in cause.words for cause in row.causes) or "cache" in row.claim or alone
        assert {cause.words for cause in row.causes} & set(VARIANTS)


def test_nothing_is_explained_by_causes_that_close_less_than_half_of_the_gap(rows):
    for row in rows:
        best = max((cause.closes for cause in row.causes), default=0.0)
        assert (row.verdict == "explained") == (row.verdict != "reproduced" and best >= 0.5)


def test_a_law_of_moes_has_no_answer_about_a_dense_model():
    pools = yun_pools(2.12e21, find_loss_law("zhao2025"))
    with pytest.raises(InfeasibleError, match=r"law zhao2025: no experts \(a law of MoEs\)"):
        loss_optimal(pools[1])
    dense, four, *_ = yun_answers({"zhao2025": {2.12e21: pools}})
    assert np.isnan(
        [dense.params, dense.loss, dense.usd_per_mtok, dense.over_trained, dense.equal_cost_loss]
    ).all()
    assert np.isfinite([four.params, four.loss, four.usd_per_mtok]).all()


def test_a_printed_end_may_be_missed_by_a_twentieth():
    claim = Claim(
        text=TEXT, claim="a share", law="a law", where="", printed="1 to 2", published=(1.0, 2.0), whole=True,
        slack=SLACK,
    )  # fmt: skip
    assert judged(claim, (0.96, 2.09), []).verdict == "reproduced"
    assert judged(claim, (0.94, 2.0), []).verdict == "not_reproduced"


def test_16_experts_train_for_less_than_4_at_either_loss():
    """They are taken at two losses, the best of 4 and the best of 16: only the side of 1 is the same."""
    forth, back = (QUANTITIES[name]("zhao2025", 5.15e21, "") for name in ("flops_16_over_4", "flops_4_over_16"))
    assert forth < 1 < back


def test_a_law_that_ranks_their_designs_by_assumption_says_so(rows):
    differing = [row for row in rows if row.verdict != "reproduced" and row.law == "ludziejewski2025"]
    assumed = [row for row in differing if "top-2" in row.reason]
    assert assumed
    assert all(
        ("loss-optimal dense" in row.claim or "cache" in row.claim) for row in differing if row not in assumed
    )
