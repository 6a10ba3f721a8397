"""The file of predictions: nothing in it changes, and it holds whoever else writes."""

import json
import multiprocessing

import pytest

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.core.predictions import LedgerEntry, add_outcome, add_prediction, load_ledger
from optimoe.core.predictions import ledger as ledgers
from tests.core.predictions.cases import said
from tests.core.run.cases import HOSTILE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "predictions.jsonl"


def test_predictions_and_outcomes_survive_a_file_whatever_their_names(path):
    bare = said(name="bare", low=None, high=None, level=None, unit="", value=-2.0)
    for prediction in (said(name=HOSTILE), bare):
        add_prediction(path, prediction)
    entry = add_outcome(path, HOSTILE, 0.006, source=HOSTILE, measured_utc="2026-01-03")
    assert entry.place == "inside"
    assert load_ledger(path).entries == (entry, LedgerEntry(prediction=bare))
    assert load_ledger(path).remarks == ()


def test_what_was_said_is_never_changed(path):
    add_prediction(path, said())
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"name: must be one that is not taken .* got tpot, predicted"):
        add_prediction(path, said(value=0.009))
    assert path.read_bytes() == before
    add_outcome(path, "tpot", 0.006, source="bench")
    with pytest.raises(ConfigError, match="not taken"):
        add_prediction(path, said(value=0.006))


def test_an_outcome_is_added_once_to_a_prediction_that_is_here_and_is_not_older(path):
    add_prediction(path, said())
    with pytest.raises(UnknownNameError, match="prediction: unknown name 'tpt'"):
        add_outcome(path, "tpt", 0.006, source="bench")
    with pytest.raises(ConfigError, match="no earlier than the prediction"):
        add_outcome(path, "tpot", 0.006, source="bench", measured_utc="2025-12-31")
    with pytest.raises(ConfigError, match="source: must be given"):
        add_outcome(path, "tpot", 0.006, source=" ")
    add_outcome(path, "tpot", 0.006, source="bench")
    with pytest.raises(ConfigError, match=r"tpot: must be open, got 0.006, added .*: an outcome is added once"):
        add_outcome(path, "tpot", 0.007, source="bench")
    assert len(path.read_text().splitlines()) == 2


def test_a_prediction_that_an_editor_changed_after_its_outcome_is_refused_with_the_line(path):
    add_prediction(path, said())
    add_outcome(path, "tpot", 0.02, source="bench")
    path.write_text(path.read_text().replace('"high": 0.01,', '"high": 0.03,'))
    with pytest.raises(ConfigError, match=r"predictions.jsonl:2: tpot: seal: must be"):
        load_ledger(path)


def test_an_open_prediction_may_be_corrected_by_hand(path):
    add_prediction(path, said())
    path.write_text(path.read_text().replace('"high": 0.01,', '"high": 0.03,'))
    assert load_ledger(path).entry("tpot").prediction.high == 0.03


def test_lines_may_stand_in_any_order_and_of_two_of_one_name_the_first_counts(path):
    for prediction, value in ((said(), 0.006), (said(name="other"), 0.007)):
        add_prediction(path, prediction)
        add_outcome(path, prediction.name, value, source="bench")
    lines = path.read_text().splitlines()
    late = lines[1].replace("0.006", "0.009")
    path.write_text("\n".join([*reversed(lines), late, lines[0].replace("0.008", "0.007")]))
    ledger = load_ledger(path)
    assert {entry.prediction.name: entry.outcome.value for entry in ledger.entries} == {
        "other": 0.007,
        "tpot": 0.006,
    }
    assert [remark.rpartition("jsonl:")[2] for remark in ledger.remarks] == [
        "5: a second outcome of tpot does not count",
        "6: a second prediction of tpot does not count",
    ]
    assert ledger.entry("tpot").prediction == said()


def test_a_torn_last_line_is_remarked_on_and_costs_no_other(path):
    add_prediction(path, said())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert load_ledger(path).remarks == (f"{path}:2: cut short after 40 characters",)
    add_prediction(path, said(name="next"))
    assert [entry.prediction.name for entry in load_ledger(path).entries] == ["tpot", "next"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("my notes", "not a prediction or an outcome, got my notes"),
        ("[1]", "must be a JSON object, got [1]"),
        ('{"guess": {}}', 'must be {"prediction": {…}} or {"outcome": {…}}, got keys guess'),
        ('{"prediction": 3}', "got keys prediction"),
        ('{"prediction": {"nam": "x"}}', "field: unknown name 'nam' (nearest: name"),
        (json.dumps({"prediction": {"name": "x", "value": "fast"}}), "got `str` - at `value`"),
        (json.dumps({"prediction": {"name": "x"}}), "missing required field `value`"),
    ],
)
def test_a_line_that_is_neither_is_refused_with_its_number(path, line, words):
    add_prediction(path, said())
    with path.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(InputError) as caught:
        load_ledger(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value)


def test_an_outcome_without_its_prediction_is_refused(path):
    add_prediction(path, said())
    add_outcome(path, "tpot", 0.006, source="bench")
    path.write_text(path.read_text().splitlines()[1])
    with pytest.raises(ConfigError, match=r"predictions.jsonl:1: must be an outcome of a prediction that is here"):
        load_ledger(path)


def test_a_process_whose_line_comes_second_says_so(path, monkeypatch):
    """Both found the name free; the other one's line was there first."""
    add_prediction(path, said(value=0.009))
    free = ledgers.PredictionLedger()
    read = ledgers.load_ledger
    answers = iter([lambda _: free, read])
    monkeypatch.setattr(ledgers, "load_ledger", lambda path: next(answers)(path))
    with pytest.raises(ConfigError, match="tpot: must be added by one process at a time"):
        add_prediction(path, said())
    monkeypatch.undo()
    assert load_ledger(path).entry("tpot").prediction.value == 0.009


def _add_many(path, writer):
    for number in range(25):
        add_prediction(path, said(name=f"{writer}-{number}", settled_by="x" * 500))


def test_processes_that_write_at_once_lose_nothing(path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add_many, args=(path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ledger = load_ledger(path)
    assert ledger.remarks == ()
    names = {entry.prediction.name for entry in ledger.entries}
    assert names == {f"{writer}-{number}" for writer in range(3) for number in range(25)}
