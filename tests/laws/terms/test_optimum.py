import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.terms.optimum import find_minimum, find_root


@given(value=st.floats(-8.0, 8.0))
def test_roots_and_minima_are_found_for_every_element(value):
    targets = 10.0 ** np.array([value, -value])
    np.testing.assert_allclose(find_root(lambda x: x - targets, 1e-12, 1e12, like=targets), targets)
    found = find_minimum(lambda x: np.log(x / targets) ** 2, 1e-12, 1e12, like=targets)
    np.testing.assert_allclose(found, targets, rtol=1e-6)
