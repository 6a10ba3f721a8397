import math

import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.sizing.size_from_speed import Observed


def test_margin_and_idle_hours_come_out_of_the_price():
    seen = Observed(usd_per_mtok=2.0, margin=0.25, utilisation=0.5)
    assert seen.cost_usd_per_mtok == pytest.approx(0.75)
    assert Observed(tokens_per_s=10, margin=0.5).cost_usd_per_mtok == math.inf


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "tokens_per_s: must be given where usd_per_mtok is not, got 0.0"),
        ({"tokens_per_s": -1.0}, "tokens_per_s: must be zero or more and finite, got -1.0"),
        ({"usd_per_mtok": 0.0}, "usd_per_mtok: must be positive, got 0.0"),
        ({"usd_per_mtok": 1.0, "margin": 1.0}, r"margin: must be in \[0, 1\), got 1.0"),
        ({"usd_per_mtok": 1.0, "utilisation": 0.0}, r"utilisation: must be in \(0, 1\], got 0.0"),
        ({"tokens_per_s": 1.0, "concurrency": 0.5}, "concurrency: must be at least 1, got 0.5"),
    ],
)
def test_what_cannot_be_observed_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Observed(**fields)
