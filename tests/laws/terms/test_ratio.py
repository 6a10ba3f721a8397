"""Li's r* from coefficients, and active parameters from total ones."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law
from optimoe.laws.terms.ratio import active_of_total, best_ratio, ratio_exponent, ratio_factor, total_of_active


def test_the_formula_is_that_of_the_published_rule():
    law = find_law("li2026-rstar")
    c = law.coefficients
    for experts in (17, 33, 65, 129):
        share = 3 / experts
        assert ratio_factor(share, c["alpha0"], c["alpha1"]) == pytest.approx(
            law.evaluate("alpha_r", {"E": experts})
        )
        assert ratio_exponent(share, c["beta0"], c["beta1"]) == pytest.approx(
            law.evaluate("beta_r", {"E": experts})
        )
        found = best_ratio(1e20, share, **c)
        assert found == pytest.approx(law.evaluate("r_star", {"E": experts, "C": 1e20}), rel=1e-12)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("active", [0.02, 0.5, 1.0])
def test_active_parameters_are_attention_and_the_active_share_of_all_experts(ratio, active):
    attention = 1e8
    total = attention + ratio * attention / active
    assert active_of_total(total, active, ratio) == pytest.approx(attention * (1 + ratio), rel=1e-12)
    assert total_of_active(attention * (1 + ratio), active, ratio) == pytest.approx(total, rel=1e-12)


def test_a_model_without_inactive_experts_is_all_active():
    np.testing.assert_allclose(active_of_total(1e9, 1.0, np.array([0.1, 1.0, 10.0])), 1e9)
