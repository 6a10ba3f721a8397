import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.cost.serving.traffic import mean_length


@given(mu=st.floats(2, 8), sigma=st.floats(0, 1.5))
def test_percentiles_of_a_log_normal_give_its_mean(mu, sigma):
    stated = {p: math.exp(mu + sigma * NormalDist().inv_cdf(p / 100)) for p in (50, 90, 99)}
    assert mean_length(stated, "input") == pytest.approx(math.exp(mu + sigma**2 / 2))


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({50: 800}, "two percentiles"),
        ({50: 800, 100: 900}, "between 0 and 100"),
        ({50: 800, 90: 0}, "p90: must be a positive number"),
        ({50: 800, 90: 700}, "p90: must be at least 800"),
    ],
)
def test_percentiles_that_are_none_are_named(stated, words):
    with pytest.raises(ConfigError, match=words):
        mean_length(stated, "input_percentiles")
