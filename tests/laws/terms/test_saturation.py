import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.laws.terms.saturation import saturated_experts


@given(low=st.floats(1.0, 10.0), factor=st.floats(1.0, 1e4))
def test_saturated_experts_run_from_their_start_to_their_most(low, factor):
    high = low * factor
    experts = saturated_experts(np.array([1.0, 2.0, 64.0, 1e15]), low, high)
    assert experts[0] == pytest.approx(low)
    assert experts[-1] == pytest.approx(high, rel=1e-6)
    assert (np.diff(experts) >= -1e-9 * high).all()
