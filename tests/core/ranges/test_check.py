import math

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.ranges import Range, require_range

DAYS = Range(0.01, 3650.0, "days", "a quarter of an hour; ten years")


@pytest.mark.parametrize("value", [0.01, 1, 3650.0, np.array([1.0, 2.0])])
def test_a_number_within_is_taken(value):
    require_range(value, "train_days", DAYS)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (1e9, "1e9"), (-1, "-1"), (math.inf, "inf"), (math.nan, "nan")]
)
def test_a_number_beyond_is_refused_with_the_range_and_its_reason(value, shown):
    with pytest.raises(ConfigError) as refused:
        require_range(value, "train_days", DAYS)
    assert str(refused.value) == (
        f"train_days: must be 0.01 to 3,650 days (a quarter of an hour; ten years), got {shown}"
    )


def test_zero_is_taken_where_it_means_none():
    owned = Range(0.01, 1.0, "", "why", zero=True)
    require_range(0, "price", owned)
    require_range(np.array([0.0, 0.5]), "price", owned)
    with pytest.raises(ConfigError, match=r"price: must be 0, or 0.01 to 1 \(why\), got 0.001"):
        require_range(0.001, "price", owned)
