"""One law, budget and setting, and what is found there."""

from dataclasses import replace

import pytest

from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.searches import loss_optimal
from optimoe.planner.published.yun.setting import ROUTED_ONLY

CASE = YunCase(law="optimoe2026", budget=2.12e21)


def test_what_is_found_for_a_budget_is_that_of_its_designs():
    assert CASE.best(8) == loss_optimal(CASE.pool(8))
    assert CASE.pool(8).problem.training.budget_flops == 2.12e21
    more = replace(CASE, budget=8.18e21)
    assert more.best(8).loss < CASE.best(8).loss


def test_a_law_of_moes_ranks_no_dense_model_by_its_domain():
    assert CASE.ranked == (1, 4, 8, 16, 32)
    assert YunCase(law=ROUTED_ONLY, budget=1e21).ranked == (4, 8, 16, 32)


def test_of_one_family_a_training_share_is_one():
    loss = CASE.best(16).loss
    assert CASE.training_share(16, 16, loss) == 1
    assert CASE.training_share(4, 16, loss) == pytest.approx(1 / CASE.training_share(16, 4, loss))
