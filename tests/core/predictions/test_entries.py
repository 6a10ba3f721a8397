"""What a prediction and its outcome may be."""

import math

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.predictions import LedgerEntry, PredictionLedger
from tests.core.predictions.cases import said, settled


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "name: must be given"),
        ({"value": math.inf}, "value: must be finite"),
        ({"value": math.nan}, "value: must be a number"),
        ({"level": None}, "low, high, level: must be given all three, or none of them"),
        ({"low": None, "high": None}, "low, high, level: must be given all three"),
        ({"low": 0.009}, "band: must be finite, and around 0.008, got 0.009 to 0.01"),
        ({"high": math.inf}, "band: must be finite"),
        ({"level": 90.0}, "level: must be a share above 0 and below 1, such as 0.9, got 90.0"),
        ({"made_utc": "yesterday"}, "made_utc: must be an ISO 8601 date"),
        ({"made_utc": "2026-01-03T00:00:00Z"}, "made_utc: must be no later than it was entered"),
    ],
)
def test_a_prediction_out_of_limits_is_refused_with_the_field(changes, words):
    with pytest.raises(ConfigError) as caught:
        said(**changes)
    assert words in str(caught.value)


def test_an_outcome_lies_inside_its_band_below_or_above_it():
    places = {value: settled(said(), value).place for value in (0.0049, 0.005, 0.010, 0.0101)}
    assert list(places.values()) == ["below", "inside", "inside", "above"]
    assert settled(said(low=None, high=None, level=None), 0.004).place == ""
    assert LedgerEntry(prediction=said()).place == ""


def test_a_ratio_is_of_positive_numbers():
    assert settled(said(), 0.006).ratio == 0.75
    for entry in (settled(said(), -0.006), LedgerEntry(prediction=said())):
        assert math.isnan(entry.ratio)


@pytest.mark.parametrize("date", ["2026-01-01", "2026-01-02T03:59:59Z", "2026-01-02T04:30:00+01:00"])
def test_an_outcome_older_than_the_entry_is_refused_though_the_number_may_be_older(date):
    with pytest.raises(ConfigError, match="no earlier than the prediction, 2026-01-02T04:00:00Z"):
        settled(said(), 0.006, date)


@pytest.mark.parametrize("date", ["2026-01-02", "2026-01-02T04:00:00Z", "2026-01-04"])
def test_an_outcome_of_the_same_day_or_later_is_taken(date):
    assert settled(said(), 0.006, date).outcome.measured_utc == date


def test_an_outcome_that_is_still_to_come_is_refused():
    with pytest.raises(ConfigError, match="measured_utc: must be no later than it was entered"):
        settled(said(), 0.006, "2026-01-06")


@pytest.mark.parametrize("changes", [{"value": 0.0081}, {"high": 0.02}, {"level": 0.5}, {"settled_by": "another"}])
def test_a_prediction_that_is_changed_after_its_outcome_shows(changes):
    outcome = settled(said(), 0.006).outcome
    with pytest.raises(ConfigError, match=r"tpot: seal: must be .*, as when its outcome was added"):
        LedgerEntry(prediction=said(**changes), outcome=outcome)


def test_an_unknown_prediction_names_the_nearest():
    ledger = PredictionLedger(entries=(LedgerEntry(prediction=said()),))
    assert "tpot" in ledger
    with pytest.raises(UnknownNameError, match="nearest: tpot"):
        ledger.entry("tpt")
