"""What Yun 2024's claims are about."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.quantities import (
    DENSE_ONLY,
    OF_DENSE,
    QUANTITIES,
    best_at_price,
    cheapest_at_loss_of,
    cost_exponent,
    largest_at_price_of,
    own_size_at_price_of,
    size_over_base_at_price,
)
from optimoe.planner.published.yun.setting import CHANGES, SIXTEEN

BUDGET = 5.15e21


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_is_a_number_or_a_range(name):
    value = QUANTITIES[name](YunCase(law="ludziejewski2025", budget=BUDGET))
    low, high = value if isinstance(value, tuple) else (value, value)
    assert np.isfinite([low, high]).all()
    assert low <= high


def test_16_experts_train_for_less_than_4_at_either_loss():
    """They are taken at two losses, the best of 4 and the best of 16: only the side of 1 is the same."""
    case = YunCase(law="zhao2025", budget=BUDGET)
    forth, back = (QUANTITIES[name](case) for name in ("flops_16_over_4", "flops_4_over_16"))
    assert forth < 1 < back


def test_the_range_of_an_optimum_reaches_half_way_to_the_neighbouring_sizes():
    low, high = QUANTITIES["dense_params"](YunCase(law="optimoe2026", budget=BUDGET))
    own = YunCase(law="optimoe2026", budget=BUDGET).best(1).params
    assert low < own < high < 1.1 * low


def test_the_optimum_is_flat_by_their_own_fit_error():
    low, high = QUANTITIES["dense_params_within_fit_error"](YunCase(law="optimoe2026", budget=2.12e21))
    assert low < 3.36e9 < high
    assert high > 2 * low


def test_at_a_cost_the_largest_size_may_be_beyond_the_best_which_is_then_the_loss_optimal():
    case = YunCase(law="zhao2025", budget=2.12e21)
    assert largest_at_price_of(case, 32, 4) > 1
    assert own_size_at_price_of(case, 32, 4) == pytest.approx(1)


def test_sizes_over_the_base_fall_with_experts_at_its_cost():
    case = YunCase(law="ludziejewski2025", budget=BUDGET)
    sizes = [size_over_base_at_price(case, experts, 1) for experts in (4, 8, 16, 32)]
    assert sizes == sorted(sizes, reverse=True)
    assert size_over_base_at_price(case, 4, 4) == pytest.approx(1)


def test_with_memory_alone_the_price_of_dense_models_follows_the_cache():
    words = "prices by memory alone (eq. 6, a step reads all of it)"
    assert cost_exponent(YunCase(law="optimoe2026", budget=BUDGET, setting=CHANGES[words])) == pytest.approx(
        2 / 3, abs=0.03
    )


def test_fewer_experts_are_cheapest_as_budgets_grow_and_more_gpus_undo_that():
    cheapest = [
        cheapest_at_loss_of(YunCase(law="ludziejewski2025", budget=flops), 16) for flops in (1e21, 5.15e21, 1.2e22)
    ]
    assert cheapest == sorted(cheapest, reverse=True)
    assert cheapest[0] == 32
    assert cheapest[-1] <= 8
    case = YunCase(law="ludziejewski2025", budget=8.18e21)
    more = replace(case, setting=SIXTEEN)
    assert cheapest_at_loss_of(more, 16) == 32
    assert best_at_price(more) > best_at_price(case)


def test_quantities_of_dense_models_are_known_by_name():
    assert "dense_params" in OF_DENSE
    assert "own_size_8_at_dense_price" in OF_DENSE
    assert "saved_8_at_four" not in OF_DENSE
    assert set(DENSE_ONLY) <= set(QUANTITIES)
