import json
import multiprocessing

import pytest

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.core.run import append_run_record, load_run_records
from tests.core.run.cases import RUN, record


def test_records_survive_a_file(tmp_path):
    records = (record(), record(status="diverged", loss=None, bits_per_byte=None, tokens_seen=5))
    for item in records:
        append_run_record(tmp_path / "new" / "runs.jsonl", item)
    log = load_run_records(tmp_path / "new" / "runs.jsonl")
    assert log.records == records
    assert log.torn == ()
    assert log.records[0].run_id == RUN.run_id
    assert load_run_records(tmp_path / "new") == log


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "done"}, "status: unknown name 'done'"),
        ({"loss": None}, "loss: must be given of a finished run, got null"),
        ({"loss": float("nan")}, "loss: must be"),
        ({"tokens_seen": 5}, "tokens_seen: must be at least the run's"),
        ({"params_active": 10**9}, "params_active: must be at most params_total"),
        ({"router": {str(number): 1.0 for number in range(65)}}, "router: must be at most 64 summaries, got 65"),
        ({"router": {"z": float("inf")}}, "router.z: must be finite"),
        ({"started_utc": "yesterday"}, "started_utc: must be an ISO 8601 date"),
        ({"mfu": -0.1}, "mfu: must be zero or more"),
    ],
)
def test_a_record_out_of_limits_is_refused_with_the_field(change, words):
    with pytest.raises((ConfigError, UnknownNameError)) as caught:
        record(**change)
    assert words in str(caught.value)


@pytest.mark.parametrize("kept", [9, 300, -2])
def test_a_torn_last_line_is_reported_and_costs_no_other_record(tmp_path, kept):
    path = tmp_path / "runs.jsonl"
    append_run_record(path, record())
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    log = load_run_records(path)
    assert log.records == (record(),)
    assert len(log.torn) == 1
    assert log.torn[0].startswith(f"{path}:2: cut short after")
    append_run_record(path, record(status="stopped", tokens_seen=3))
    log = load_run_records(path)
    assert [item.status for item in log.records] == ["finished", "stopped"]
    assert len(log.torn) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no record", "not a record of a run, got no record"),
        ("[1]", "must be a JSON object, got [1]"),
        ('{"run": 3}', "Expected `object`, got `int` - at `run`"),
        ('{"runs": 3}', "field: unknown name 'runs' (nearest: "),
    ],
)
def test_a_line_that_is_no_record_is_refused_with_its_number(tmp_path, line, words):
    path = tmp_path / "runs.jsonl"
    append_run_record(path, record())
    with path.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(ConfigError) as caught:
        load_run_records(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value)


def test_a_field_of_the_run_inside_a_record_is_named(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_run_record(path, record())
    table = json.loads(path.read_text())
    table["run"]["seq_len"] = -1
    path.write_text(json.dumps(table) + "\n")
    with pytest.raises(ConfigError, match=r"runs\.jsonl:1: seq_len: must be positive, got -1"):
        load_run_records(path)


def test_what_cannot_be_read_or_written_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_run_records(tmp_path / "none.jsonl")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        append_run_record(tmp_path / "file" / "runs.jsonl", record())


def test_runs_that_need_not_be_repeated_are_those_that_ended(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_run_record(path, record(status="stopped", tokens_seen=1))
    assert load_run_records(path).finished_ids == frozenset()
    append_run_record(path, record())
    assert load_run_records(path).finished_ids == {RUN.run_id}


def _append_many(path, host):
    for _ in range(20):
        append_run_record(path, record(host=host * 3000))  # lines longer than a page


def test_processes_that_append_at_once_lose_and_mix_no_record(tmp_path):
    path = tmp_path / "runs.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(path, host)) for host in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    log = load_run_records(path)
    assert log.torn == ()
    assert sorted(item.host[0] for item in log.records) == sorted("abcd" * 20)
