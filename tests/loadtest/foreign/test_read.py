"""What other load generators have measured becomes the records that costs are calibrated on."""

from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.core.latency import LatencyRecord, load_latency_records, save_latency_records
from optimoe.loadtest.foreign.level import latency_records
from optimoe.loadtest.foreign.read import read_levels
from tests.loadtest.foreign.files import (
    AIPERF,
    DETAILS,
    GUIDELLM,
    INFERENCEX,
    SGLANG,
    STATED,
    VLLM,
    write,
)

RECORD = LatencyRecord(
    **STATED,
    measured_utc="2026-01-31T12:34:56",
    input_tokens=100,
    output_tokens=11,
    concurrency=4,
    ttft_s=0.2,
    tpot_s=0.03,
)
FILES = {
    "vllm": ([VLLM], replace(RECORD, rounds=10.0)),
    "vllm, requests listed": ([VLLM | DETAILS], replace(RECORD, rounds=10.0, fixed_lengths=True)),
    "sglang": (
        [SGLANG],
        replace(RECORD, engine="sglang", engine_version="0.5.23", num_gpus=8, tp=2, dp=4, ep=8, rounds=10.0),
    ),
    "aiperf": ([AIPERF], replace(RECORD, rounds=10.0, fixed_lengths=True)),
    "guidellm": ([GUIDELLM], replace(RECORD, rounds=10.0, fixed_lengths=True)),
    "inferencex": ([], RECORD),
}


def records(path, **stated):
    levels = read_levels(path)
    told = set(levels[0].facts)
    if {"tp", "num_gpus"} & told:
        stated.pop("num_gpus", None)
    return latency_records(levels, {name: value for name, value in stated.items() if name not in told})


@pytest.mark.parametrize("kind", FILES)
def test_a_file_and_what_is_stated_beside_it_are_a_record(kind, tmp_path):
    tables, expected = FILES[kind]
    path = write(tmp_path / "result", *tables, text="" if tables else INFERENCEX)
    stated = STATED | {"measured_utc": "2026-01-31T12:34:56"}
    (found,) = records(path, **stated)
    date = "2026-01-31" if kind == "inferencex" else expected.measured_utc
    assert found.measured_utc.startswith(date) and "result" in found.source
    assert replace(found, measured_utc=expected.measured_utc, source="") == expected


def test_records_of_others_are_saved_and_read_back(tmp_path):
    found = records(write(tmp_path / "a.jsonl", VLLM, VLLM | {"max_concurrency": 5}), **STATED)
    assert [record.concurrency for record in found] == [4, 5]
    save_latency_records(tmp_path / "records.jsonl", found)
    assert load_latency_records(tmp_path / "records.jsonl") == found


def test_everything_that_is_missing_is_asked_for_in_one_line(tmp_path):
    path = write(tmp_path / "result.json", VLLM | {"date": None})
    with pytest.raises(InputError) as asked:
        latency_records(read_levels(path), {"gpu": "h100-sxm"}, {"engine_version": "--engine-version"})
    words = f"{path}: does not tell everything that a record needs: state "
    assert str(asked.value) == f"{words}num_gpus, engine, --engine-version, precision, measured_utc"


def test_what_is_stated_wins_and_metadata_of_a_run_need_not_be_stated(tmp_path):
    metadata = {"gpu": "h200-sxm", "engine": "vllm", "engine_version": "0.13.0", "tp": "4", "precision": "fp8"}
    path = write(tmp_path / "result.json", VLLM | metadata)
    (told,) = latency_records(read_levels(path), {})
    assert (told.gpu, told.num_gpus, told.tp, told.precision) == ("h200-sxm", 4, 4, "fp8")
    (stated,) = latency_records(read_levels(path), {"gpu": "b200", "tp": 2, "concurrency": 4.5})
    assert (stated.gpu, stated.num_gpus, stated.concurrency) == ("b200", 2, 4.5)


def test_requests_that_come_at_a_rate_are_in_flight_as_many_as_little_s_law_says(tmp_path):
    path = write(tmp_path / "result.json", VLLM | {"request_rate": 2.0, "max_concurrency": None, "duration": 20.0})
    (found,) = records(path, **STATED)
    assert found.concurrency == pytest.approx(0.51 * 40 / 20)
    path = write(tmp_path / "result.json", VLLM | {"max_concurrency": None, "duration": 0.8})
    (burst,) = records(path, **STATED)
    assert (burst.concurrency, burst.rounds) == (40, 1)


def test_failed_requests_are_told_of(tmp_path):
    (found,) = records(write(tmp_path / "result.json", VLLM | {"failed": 3}), **STATED)
    assert found.source.endswith(", 3 of 43 requests failed")


def test_a_report_of_several_levels_is_several_records(tmp_path):
    (level,) = GUIDELLM["benchmarks"]
    alone = level | {"config": {"strategy": {"type_": "synchronous"}}, "duration": 20.0}
    rated = level | {"config": {"strategy": {"type_": "constant", "rate": 8.0}}}
    path = write(tmp_path / "benchmarks.json", GUIDELLM | {"benchmarks": [level, alone, rated]})
    assert [record.concurrency for record in records(path, **STATED)] == [4, 1, 3.9]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("median_ttft_ms", "200"), ("p50_ttft (ms)", "200"), ("ttft_us", "200000"), ("TTFT_s", "0.2")],
)
def test_a_column_of_times_says_its_unit(column, cell, tmp_path):
    text = INFERENCEX.replace("median_ttft", column).replace(",0.2,", f",{cell},")
    (found,) = records(write(tmp_path / "sheet.csv", text=text), **STATED)
    assert found.ttft_s == pytest.approx(0.2)


def times(ttft_ms, tpot_ms):
    return {"median_ttft_ms": ttft_ms, "median_tpot_ms": tpot_ms}


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([VLLM | times(0.2, 0.03)], r"40 requests of 0.0005 s each in 5 s are 0.004 in flight, not 4"),
        ([VLLM | times(2e5, 3e4)], r"are 4e\+03 in flight, not 4: is a time in another unit?"),
        ([VLLM | {"median_tpot_ms": 9e4}], r"tpot_s: must be 1e-5 to 60 seconds .* got 90"),
        ([VLLM | {"median_ttft_ms": "200"}], r"median_ttft_ms: must be a number, zero or more .* got .200."),
        ([VLLM | {"median_tpot_ms": None}], r"median_tpot_ms: must be there, a number, got none"),
        ([VLLM | DETAILS | times(241.2, 30)], r"median_ttft_ms: must be that of ttfts, 200 ms, got 241.2"),
        ([VLLM | {"completed": 0}], r"completed: must be 1 or more, got 0"),
        ([VLLM | {"tp": "two"}], r"tp: must be a whole number, got 'two'"),
        ([VLLM | {"date": "yesterday"}], r"measured_utc: must be an ISO 8601 date, got 'yesterday'"),
        ([VLLM, {"a": 1, "b": 2}], r"result:2: must be a result of vllm bench serve, .* got a table of a, b"),
        ([AIPERF | {"time_to_first_token": {"unit": "tokens", "p50": 2}}], r"_token: unit: must be one of time"),
        ([AIPERF | {"inter_token_latency": {}}], r"inter_token_latency.p50: must be there"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(tables, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        records(write(tmp_path / "result", *tables), **STATED)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a table with a header, got an empty file"),
        ("a,b\n1,2\n", r"must have a column median_ttft or median_ttft_ms, got a, b"),
        ("ttft,tpot,isl\n1,x,3\n", r"sheet:2: tpot: must be a number, zero or more and finite, got 'x'"),
        ("ttft,tpot,isl\n1,2,3.5\n", r"sheet:2: input_tokens: must be a whole number, got '3.5'"),
        ("ttft,tpot\n", "holds no levels of load"),
        ('{"model_id": 1\n', r"sheet:1: not JSON"),
    ],
)
def test_a_file_of_another_kind_is_one_line(text, words, tmp_path):
    (tmp_path / "sheet").write_text(text)
    with pytest.raises(InputError, match=words):
        read_levels(tmp_path / "sheet")
