"""Clark's effective size, cut-off and slopes."""

import numpy as np
import pytest

from optimoe.laws.catalog import find_law


@pytest.mark.parametrize("name", ["clark2022-sbase-digits", "clark2022-rlr-digits", "clark2022-hash-digits"])
def test_clark_effective_size_cutoff_and_slopes(name):
    law = find_law(name)
    E = np.array([2.0, 8.0, 64.0])
    np.testing.assert_allclose(law.loss(law.effective_params(1e9, E), 1.0), law.loss(1e9, E), rtol=1e-12)
    cutoff = law.cutoff()
    assert (law.relative(0.9 * cutoff, E) < 1).all()
    assert (law.relative(1.1 * cutoff, E) > 1).all()
    np.testing.assert_allclose(law.effective_params(cutoff, E), cutoff, rtol=1e-9)
    slope = -np.log(law.loss(1.01e9, 8.0) / law.loss(0.99e9, 8.0)) / np.log(1.01 / 0.99)
    assert law.params_slope(8.0) == pytest.approx(slope, rel=1e-9)
