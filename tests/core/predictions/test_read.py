"""Numbers out of records, with their bands and their levels."""

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.predictions import read_number
from optimoe.core.predictions.read import LEVELS, unit_of_name
from optimoe.cost.calibration.errors import QUANTILES
from optimoe.laws.terms.band import BAND_ENDS
from optimoe.planner.hours import BAND

DOCUMENT = {
    "tpot_s": 0.008,
    "tpot_low_s": 0.005,
    "tpot_high_s": 0.01,
    "tokens_per_s": 100,
    "tokens_low_per_s": 80,
    "tokens_high_per_s": 130,
    "ttft_s": 0.1,
    "ttft_low_s": None,
    "ttft_high_s": None,
    "fits": True,
    "usd_per_mtok": None,
    "max_batch": 50.0,
    "max_batch_low": 40.0,
    "max_batch_high": 50.0,
    "models": [{"loss": 2.1, "low": 2.0, "high": 2.2}, {"loss": 2.0}],
    "by_model": {"llama-3.1-8b": {"mfu": 0.4, "mfu_low": 0.3, "mfu_high": 0.5}},
    "drawn": {"value": 3.0, "low": 2.0, "high": 4.0, "level": 0.8},
    "predicted": {"value": 3.0, "low": 2.0, "high": 4.0, "band": "90 % of its draws", "unit": "tokens per active"},
    "placed": {"symbol": "N", "value": 3.0, "low": 1.0, "high": 2.0},
    "price": {"usd_per_gpu_hour": 2.0, "low": 1.0, "high": 4.0},
    "empty": [],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tpot_s", (0.008, 0.005, 0.01, 0.9, "s")),
        ("tokens_per_s", (100.0, 80.0, 130.0, 0.9, "tokens/s")),
        ("ttft_s", (0.1, None, None, None, "s")),
        ("max_batch", (50.0, 40.0, 50.0, None, "")),
        ("models.0.loss", (2.1, 2.0, 2.2, 0.9, "nats/token")),
        ("models.1.loss", (2.0, None, None, None, "nats/token")),
        ("by_model.llama-3.1-8b.mfu", (0.4, 0.3, 0.5, 0.9, "")),
        ("drawn.value", (3.0, 2.0, 4.0, 0.8, "")),
        ("predicted.value", (3.0, 2.0, 4.0, 0.9, "tokens per active")),
        ("placed.value", (3.0, None, None, None, "")),  # the fitted range of a variable, no band
        ("price.usd_per_gpu_hour", (2.0, None, None, None, "$/GPU h")),  # the range of providers
    ],
)
def test_a_number_is_read_with_the_band_and_the_level_that_its_record_states(path, found):
    number = read_number(DOCUMENT, path)
    assert (number.value, number.low, number.high, number.level, number.unit) == found


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("tpt_s", UnknownNameError, "field: unknown name 'tpt_s' (nearest: tpot_s"),
        ("by_model.gpt-2.mfu", UnknownNameError, "field: unknown name 'gpt-2'"),
        ("models.2.loss", ConfigError, "field: must be 0 to 1 of a list in place of '2'"),
        ("models.x", ConfigError, "field: must be 0 to 1 of a list in place of 'x'"),
        ("models", ConfigError, "models: must be a number, and holds several: models.0, models.1"),
        ("drawn", ConfigError, "drawn: must be a number, and holds several: drawn.value, drawn.low"),
        ("fits", ConfigError, "fits: must be a number, got True"),
        ("usd_per_mtok", ConfigError, "usd_per_mtok: must be a number, got null"),
        ("empty", ConfigError, "empty: must be a number, got []"),
        ("tpot_s.x", ConfigError, "field: must be no longer than down to tpot_s, which holds 0.008"),
        ("models..loss", ConfigError, "field: must be 0 to 1 of a list in place of ''"),
    ],
)
def test_what_is_no_number_is_refused_with_the_place(path, error, words):
    with pytest.raises(error) as caught:
        read_number(DOCUMENT, path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("train_gpu_hours", "GPU h"),
        ("usd_per_mtok", "$/Mtok"),
        ("kwh_per_mtok", "kWh/Mtok"),
        ("train_energy_kwh", "kWh"),
        ("total_usd", "$"),
        ("train_flops", "FLOP"),
        ("kv_bytes_per_token", ""),
        ("loss", "nats/token"),
        ("days", "days"),
        ("mfu", ""),
        ("params", ""),
    ],
)
def test_a_unit_is_part_of_a_name(name, unit):
    assert unit_of_name(name) == unit


def test_the_levels_are_those_that_the_bands_are_made_with():
    assert set(LEVELS.values()) == {0.9} == {BAND}
    for low, high in (QUANTILES, BAND_ENDS):
        assert high - low == pytest.approx(0.9)
