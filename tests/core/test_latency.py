import json
from dataclasses import replace

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.core.latency import LatencyRecord, load_latency_records, save_latency_records

GOOD = {
    "model": "mixtral-8x7b",
    "gpu": "h100-sxm",
    "num_gpus": 2,
    "tp": 2,
    "engine": "vllm",
    "engine_version": "0.12.0",
    "measured_utc": "2026-01-02T03:04:05Z",
    "input_tokens": 1024,
    "output_tokens": 128,
    "concurrency": 4,
    "ttft_s": 0.1,
    "tpot_s": 0.01,
}


def written(tmp_path, *lines):
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_records_survive_a_file(tmp_path):
    hostile = 'our "v2" \\ runs\u2028\x85 · ü.csv'
    records = (LatencyRecord(**GOOD), replace(LatencyRecord(**GOOD), concurrency=8, source=hostile))
    save_latency_records(tmp_path / "r.jsonl", records)
    assert load_latency_records(tmp_path / "r.jsonl") == records
    assert records[0].date == "2026-01-02"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tp": "2"}, 'tp: expected `int`, got `str`: "2"'),
        ({"tpot_s": -1}, "tpot_s: must be in seconds, above 0 and below 86400, got -1.0"),
        ({"ttft_s": 0}, "ttft_s: must be in seconds, above 0 and below 86400, got 0.0"),
        ({"tpot_s": float("nan")}, "tpot_s: must be in seconds, above 0 and below 86400, got nan"),
        ({"concurrency": 0}, "concurrency: must be at least 1 and finite, got 0.0"),
        ({"output_tokens": 1}, "output_tokens: must be at least 2, got 1"),
        ({"num_gpus": 3}, "num_gpus: must be tp · pp · dp = 2, got 3"),
        ({"ep": 3}, "ep: must be a divisor of tp · dp = 2, got 3"),
        ({"engine": " "}, "engine: must be given, got ' '"),
        ({"measured_utc": "yesterday"}, "measured_utc: must be an ISO 8601 date, got 'yesterday'"),
        ({"tpoot_s": 1}, "field: unknown name 'tpoot_s' (nearest: tpot_s"),
    ],
)
def test_a_bad_line_is_one_line_with_file_number_field_and_value(tmp_path, change, words):
    path = written(tmp_path, GOOD, "", {**GOOD, **change})
    with pytest.raises(ConfigError) as caught:
        load_latency_records(path)
    assert str(caught.value).startswith(f"{path}:3: {words}")
    assert "\n" not in str(caught.value)


def test_a_line_that_is_no_record_is_refused(tmp_path):
    for line, words in (
        ("{", "not JSON"),
        ("[1]", "must be a JSON object, got [1]"),
        ({}, "missing required field"),
    ):
        with pytest.raises(ConfigError, match=r"records.jsonl:1: ") as caught:
            load_latency_records(written(tmp_path, line))
        assert words in str(caught.value)


def test_no_file_and_an_empty_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_latency_records(tmp_path / "nothing.jsonl")
    with pytest.raises(InputError, match="holds no records"):
        load_latency_records(written(tmp_path, ""))
