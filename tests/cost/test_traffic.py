import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError, InputError
from optimoe.cost.hardware.price import list_price, load_prices
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


def test_a_price_sheet_goes_before_the_list_prices(tmp_path):
    sheet = tmp_path / "prices.toml"
    sheet.write_text(
        '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 1.5\nprovider = "ours"\n'
        '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 2.5\n'
    )
    own = list_price("h100-sxm", load_prices(sheet))
    assert (own.usd_per_gpu_hour, own.low, own.high) == (2.0, 1.5, 2.5)
    assert own.source == "given in a price sheet: ours 1.5, own sheet 2.5"
    assert list_price("h200-sxm", load_prices(sheet)) == list_price("h200-sxm")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"must have \[\[price\]\] rows"),
        ('[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = -1\n', "usd_per_gpu_hour: must be zero or more"),
        ('[[price]]\naccelerator = "h100-sxm"\n', "usd_per_gpu_hour"),
        ('[[price]]\nacelerator = "h100-sxm"\n', "accelerator"),
    ],
)
def test_a_price_sheet_that_is_none_is_said(text, words, tmp_path):
    sheet = tmp_path / "prices.toml"
    sheet.write_text(text)
    with pytest.raises((ConfigError, InputError), match=words):
        load_prices(sheet)
