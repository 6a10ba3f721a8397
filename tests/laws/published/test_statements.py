"""Statements that take more than one output of a law."""

import pytest

from optimoe.core.claims import Asked
from optimoe.core.errors import DataSetError
from optimoe.laws.published.statements import (
    abnar_best_active_share,
    clark_largest_step,
    li_range,
    li_rederived,
    li_values,
)

PRINTED = {"17": "82.35%", "65": "95.38%", "129": "97.67%"}


@pytest.mark.parametrize(
    ("name", "value"), [("alpha1", -1.23), ("alpha0", 6.7e-5), ("beta1", 0.21), ("beta0", 0.24)]
)
def test_the_coefficients_of_the_best_ratio_come_back_from_a_table_of_it(name, value):
    asked = Asked(law="li2026-rstar", output=name, inputs={"sparsities": PRINTED})
    assert li_rederived(asked) == pytest.approx(value, rel=2e-3)


def test_another_count_of_active_experts_would_not_give_them():
    """With two active experts in E, S = (E − 2)/E, the factor comes out a third too large or too small."""
    other = {"17": "88.24%", "65": "96.92%", "129": "98.45%"}
    asked = Asked(law="li2026-rstar", output="alpha0", inputs={"sparsities": other})
    assert abs(li_rederived(asked) / 6.7e-5 - 1) > 0.3


def test_the_best_ratio_spans_its_ends_over_budgets():
    asked = Asked(law="li2026-rstar", inputs={"E": 129, "budgets_flops": [1e18, 1e21]})
    assert li_range(asked) == pytest.approx((0.6254, 1.3273), rel=1e-4)


def test_scores_and_values_cost_the_same():
    shape = {"n": 4096.0, "d": 512.0, "d_expert": 512.0, "E_routed": 64.0, "k": 2.0, "n_shared": 1.0}
    assert li_values(Asked(law="li2026-rstar", inputs=shape)) == pytest.approx(1.0, rel=1e-12)


def test_larger_models_want_a_smaller_active_share():
    asked = Asked(law="abnar2025", inputs={"C": 1e20, "of": 1e10, "to": 2e9})
    assert abnar_best_active_share(asked) < 0.5


def test_more_experts_help_least_where_the_released_runs_say_so():
    try:
        steps = [clark_largest_step(Asked(law=f"clark2022-{router}")) for router in ("sbase", "rlr", "hash")]
    except DataSetError as error:
        pytest.skip(str(error))
    # losses of the runs: S-BASE of 15M with 512 and 256 experts, RL-R and hash of 1.3B with two and dense
    assert steps == pytest.approx([2.6205 / 2.6334, 2.2270 / 2.2420, 2.2366 / 2.2420], abs=5e-5)
