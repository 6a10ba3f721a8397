"""``optimoe cost calibrate`` and ``check``."""

import json

import pytest

from tests.app.run import answer, optimoe


def latency_lines(**changes):
    """Twelve measured loads of one deployment."""
    record = {
        "model": "mixtral-8x7b", "gpu": "h100-sxm", "num_gpus": 2, "tp": 2, "engine": "vllm",
        "engine_version": "0.12.0", "measured_utc": "2026-01-02", "input_tokens": 1024, "output_tokens": 256,
    }  # fmt: skip
    loads = [
        {"concurrency": load, "tpot_s": 0.01 + 6e-4 * load, "ttft_s": 0.1 + 0.02 * load} for load in range(1, 13)
    ]
    return "\n".join(json.dumps({**record, **load, **changes}) for load in loads)


def test_a_calibration_is_one_json_object_and_a_file(tmp_path):
    (tmp_path / "records.jsonl").write_text(latency_lines())
    record = answer("cost", "calibrate", "records.jsonl", "--output", "ours.toml", cwd=tmp_path)
    assert set(record["factors"]) == {"decode_scale", "prefill_scale", "front_s", "step_s", "request_s"}
    assert {"engine", "engine_version", "measured_from", "before", "after", "intervals", "verdict"} <= set(record)
    assert record["after"]["tpot"]["median_error"] < record["before"]["tpot"]["median_error"]
    assert 'engine_version = "0.12.0"' in (tmp_path / "ours.toml").read_text()


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"tpot_s": -1}, (), "records.jsonl:1: tpot_s: must be in seconds"),
        ({"model": "mixtral-8x70b"}, (), "record 1: model: unknown name"),
        ({}, ("--engine", "sglang"), "--engine: unknown name 'sglang'"),
        ({}, ("--least-records", "20"), "records: must be at least 20 usable ones, got 12"),
        ({}, ("--out", "ours.yaml"), "--out: must end in .toml or .json"),
    ],
)
def test_records_that_cannot_be_used_are_one_line(tmp_path, changes, options, words):
    (tmp_path / "records.jsonl").write_text(latency_lines(**changes))
    done = optimoe("cost", "calibrate", "records.jsonl", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_check_names_each_record_once_in_text_in_json_and_on_a_page(tmp_path):
    (tmp_path / "records.jsonl").write_text(latency_lines())
    answer("cost", "calibrate", "records.jsonl", "--output", "ours.toml", cwd=tmp_path)
    words = ("cost", "check", "records.jsonl", "--calibration", "ours.toml")
    record = answer(*words, "--page", "check.html", cwd=tmp_path)
    assert len(record["rows"]) == 12 and all(row["calibrated"] for row in record["rows"])
    assert record["calibrated"]["tpot"]["median_error"] < record["shipped"]["tpot"]["median_error"]
    shown = optimoe(*words, cwd=tmp_path).stdout
    assert "Calibrated" in shown and shown.count("1024/256") == 12
    page = (tmp_path / "check.html").read_text()
    assert "Predicted against measured TPOT" in page and page.count("<td>1024/256</td>") == 12
