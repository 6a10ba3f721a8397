"""The request of ``predictions outcome``: a number in the prediction's unit, with a source."""

import json

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.inputs.predictions.outcome import AddOutcomeRequest
from optimoe.inputs.tables import read_request
from tests.core.predictions.cases import said


def number(value, prediction=None):
    return AddOutcomeRequest(name="tpot", value=value, source="bench").number(prediction or said())


@pytest.mark.parametrize(
    ("value", "unit", "found"),
    [
        ("8.1ms", "s", 0.0081),
        ("0.0081", "s", 0.0081),
        ("2s", "s", 2.0),
        ("80GB", "bytes", 8e10),
        ("3.1K", "tokens/s", 3100.0),
        ("2.15", "nats/token", 2.15),
        ("0.4", "", 0.4),
        ("-0.4", "", -0.4),
    ],
)
def test_a_number_is_read_in_the_unit_of_what_was_predicted(value, unit, found):
    assert number(value, said(unit=unit)) == pytest.approx(found)


@pytest.mark.parametrize("value", ["8.1", "8", "0.00001"])
def test_seconds_that_may_be_milliseconds_are_asked_back(value):
    with pytest.raises(InputError, match=rf"VALUE: {value} seconds, where 0.008 s were predicted\? say {value}s"):
        number(value)
    assert number(f"{value}s") == float(value)


@pytest.mark.parametrize("value", ["fast", "8.1 parsecs", "8.1GB", "nan"])
def test_what_is_no_quantity_is_refused(value):
    with pytest.raises(InputError, match=r"VALUE: .* is not a quantity in seconds"):
        number(value)


def test_a_table_may_state_a_number_or_a_text():
    for value in (0.0081, "8.1ms"):
        read = read_request(AddOutcomeRequest, {"name": "tpot", "value": value, "source": "bench"})
        assert read.number(said()) == pytest.approx(0.0081)
    with pytest.raises(InputError, match="must be a number, got True"):
        read_request(AddOutcomeRequest, {"name": "tpot", "value": True})


def test_a_file_of_a_measurement_says_number_and_source(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"avg_latency": 0.66, "steps": {"moe": {"result": {"avg": 0.5}}}}))
    request = AddOutcomeRequest(name="tpot", record=path, field="steps.moe.result.avg")
    assert request.number(said()) == 0.5
    assert request.source_words() == f"{path}: steps.moe.result.avg"
    named = AddOutcomeRequest(name="tpot", record=path, field="avg_latency", source="an H200")
    assert (named.number(said()), named.source_words()) == (0.66, "an H200")


def test_a_number_is_in_one_place_and_has_a_source(tmp_path):
    with pytest.raises(ConfigError, match="VALUE: must be given, or --from and --field in its place"):
        number("")
    with pytest.raises(ConfigError, match="VALUE: must be left out with --from"):
        AddOutcomeRequest(name="tpot", value="1", record=tmp_path, field="x").number(said())
    with pytest.raises(InputError, match="--source: must be given"):
        AddOutcomeRequest(name="tpot", value="1").source_words()
