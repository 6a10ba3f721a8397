"""The request of ``predictions add``: a number out of a record, or typed, and never both."""

import json

import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.inputs.predictions.add import AddPredictionRequest
from optimoe.inputs.tables import read_request

MADE = {"version": "0.1.0", "command": "optimoe cost moe --json", "utc": "2026-01-02T03:04:05Z"}
RECORD = {
    "tpot_s": 0.008, "tpot_low_s": 0.005, "tpot_high_s": 0.01,
    "max_batch": 50.0, "max_batch_low": 40.0, "max_batch_high": 60.0,
    "made": MADE,
}  # fmt: skip


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(RECORD))
    return path


def asked(**words):
    return AddPredictionRequest(name="moe", **words).prediction()


def test_a_record_says_number_band_level_unit_command_version_and_date(record):
    said = asked(record=record, field="tpot_s", settled_by="bench")
    assert (said.value, said.low, said.high, said.level, said.unit) == (0.008, 0.005, 0.01, 0.9, "s")
    assert said.what == "tpot_s"
    assert (said.version, said.command, said.made_utc) == tuple(MADE.values())
    assert said.entered_utc > said.made_utc
    assert said.settled_by == "bench"


def test_a_band_without_a_level_asks_for_one(record):
    with pytest.raises(ConfigError, match="--level: must be given: the record states no share that the band of"):
        asked(record=record, field="max_batch")
    assert asked(record=record, field="max_batch", level=0.8).level == 0.8


def test_a_level_that_the_record_states_is_not_restated(record):
    assert asked(record=record, field="tpot_s", level=0.9).level == 0.9
    with pytest.raises(ConfigError, match=r"--level: must be 0.9, as the record states, got 0.99"):
        asked(record=record, field="tpot_s", level=0.99)


def test_a_typed_number_is_one_of_now_and_of_no_version():
    said = asked(value=2.1, low=2.0, high=2.2, level=0.5, unit="nats/token", command="by the old law")
    assert (said.value, said.level, said.unit, said.command) == (2.1, 0.5, "nats/token", "by the old law")
    assert said.made_utc == said.entered_utc
    assert (said.what, said.version) == ("", "")
    assert asked(value=0).low is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "--value: must be given, or --from and --field in its place, got neither"),
        ({"field": "tpot_s"}, "--field: must be given with --from, got tpot_s"),
        ({"field": "tpot_s", "value": 1.0}, "--field: must be given with --from"),
        ({"value": 1.0, "low": 0.5}, "low, high, level: must be given all three, or none of them"),
        ({"value": 1.0, "level": 0.9}, "low, high, level: must be given all three, or none of them"),
    ],
)
def test_half_a_number_is_refused(words, message):
    with pytest.raises(ConfigError) as caught:
        asked(**words)
    assert message in str(caught.value)


@pytest.mark.parametrize("option", ["value", "low", "high"])
def test_a_number_of_a_record_is_not_typed_too(record, option):
    with pytest.raises(ConfigError, match=f"--{option}: must be left out with --from"):
        asked(record=record, field="tpot_s", **{option: 1.0})
    with pytest.raises(ConfigError, match="--unit: must be left out with --from"):
        asked(record=record, field="tpot_s", unit="ms")


def test_a_record_needs_a_field_that_it_has(record):
    with pytest.raises(ConfigError, match=r"--field: must be given with --from, such as tpot_s or choice.loss"):
        asked(record=record)
    with pytest.raises(UnknownNameError, match="nearest: tpot_s"):
        asked(record=record, field="tpt_s")


@pytest.mark.parametrize("made", [None, {"version": "0.1.0"}, "yesterday"])
def test_a_file_that_does_not_say_how_it_was_made_is_refused(tmp_path, made):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(RECORD | {"made": made}))
    with pytest.raises(ConfigError, match=r"other.json: made: must be there: version, command and date"):
        asked(record=path, field="tpot_s")


def test_a_network_names_no_files():
    with pytest.raises(Exception, match="files are for the command line and Python"):
        read_request(AddPredictionRequest, {"name": "moe", "record": "/etc/passwd", "field": "x"}, trusted=False)
