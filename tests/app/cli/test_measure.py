"""``optimoe measure`` as scripts see it."""

import json

import pytest

from optimoe.core.latency import load_latency_records
from optimoe.loadtest.results.files import load_requests
from tests.app.run import answer, optimoe
from tests.loadtest.endpoint import model, running

SHORT = ("--served-model", model(first_s=0.01, gap_s=0.01), "--output-tokens", "4", "--requests", "6")


@pytest.fixture(scope="module")
def url():
    with running() as (address, _):
        yield address


def test_a_ladder_prints_levels_percentiles_and_what_they_mean(url):
    done = optimoe("measure", url, *SHORT, "--concurrency", "1,2", "--tpot", "50ms")
    assert done.returncode == 0, done.stderr
    for words in ("Medians of each level", "1 in flight", "2 in flight", "within limits", "95 % intervals"):
        assert words in done.stdout
    assert "TPOT: time per output token: (last − first)/(tokens − 1)" in done.stdout
    assert "6 answers are too few to tell a steady state" in done.stdout
    quiet = optimoe("measure", url, *SHORT, "--quiet").stdout
    assert "Medians of each level" in quiet
    assert "Meaning" not in quiet


def test_what_scripts_read_is_of_the_level_with_most_tokens_a_second(url):
    printed = answer("measure", url, *SHORT, "--concurrency", "1,3")
    slow, fast = printed["levels"]
    assert (slow["concurrency"], fast["concurrency"]) == (1, 3)
    assert printed["tokens_per_s"] == fast["tokens_per_s"] > slow["tokens_per_s"]
    assert printed["ttft_s"] == fast["ttft_s"]
    low, high = fast["ttft_s"]["intervals"]["p50"]
    assert low <= fast["ttft_s"]["p50"] <= high
    assert (printed["engine"], printed["engine_version"]) == ("vllm", "0.0")


def test_every_file_is_written_and_read_back(url, tmp_path):
    served = ("--model", "mixtral-8x7b", "--gpu", "h100-sxm", "--tp", "2", "--source", "a test")
    files = ("--log", "log.jsonl", "--results", "results.jsonl", "--out", "records.jsonl")
    answer("measure", url, *SHORT, "--concurrency", "1,2", *served, *files, cwd=tmp_path)
    assert sum(one.phase == "measured" for one in load_requests(tmp_path / "log.jsonl").timings) == 12
    tables = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [table["max_concurrency"] for table in tables] == [1, 2]
    records = load_latency_records(tmp_path / "records.jsonl")
    assert [(one.engine, one.engine_version, one.num_gpus, one.tp) for one in records] == [
        ("vllm", "0.0", 2, 2)
    ] * 2
    assert [1e3 * one.tpot_s for one in records] == pytest.approx([table["median_tpot_ms"] for table in tables])
    refused = optimoe("cost", "calibrate", "records.jsonl", cwd=tmp_path)
    assert "records: must be at least 8 usable ones, got 2" in refused.stderr


def test_a_measurement_without_a_time_between_tokens_is_shown_and_says_that_it_is_no_record(url, tmp_path):
    served = ("--model", "mixtral-8x7b", "--gpu", "h100-sxm", "--out", "records.jsonl", "--concurrency", "1,2")
    whole = ("--served-model", model(first_s=0.01, chunk_tokens=64), "--output-tokens", "4", "--requests", "6")
    done = optimoe("measure", url, *whole, *served, cwd=tmp_path)
    assert done.returncode == 2 and "6 of 6 answers came in one piece" in done.stdout
    assert "no TPOT to record (0 of 2 levels are written)" in done.stderr
    assert not (tmp_path / "records.jsonl").exists()


def test_a_trace_gives_each_request_its_lengths(url, tmp_path):
    (tmp_path / "trace.csv").write_text("input_tokens,output_tokens\n20,3\n40,5\n")
    line = ("measure", url, "--served-model", model(), "--requests", "6", "--warmups", "0", "--trace", "trace.csv")
    answer(*line, "--log", "log.jsonl", cwd=tmp_path)
    timings = load_requests(tmp_path / "log.jsonl").timings
    assert {(one.input_tokens, one.aimed_output_tokens) for one in timings if one.is_good} == {(20, 3), (40, 5)}


def test_a_trace_is_replayed_at_its_times(url, tmp_path):
    (tmp_path / "trace.csv").write_text("arrival_s,input_tokens,output_tokens\n7,20,3\n7.1,40,5\n7.4,9,4\n")
    line = ("measure", url, "--served-model", model(), "--trace", "trace.csv", "--replay", "--warmups", "0")
    printed = answer(*line, "--log", "log.jsonl", cwd=tmp_path)
    timings = sorted(load_requests(tmp_path / "log.jsonl").timings, key=lambda one: one.due_s)
    assert [one.aimed_output_tokens for one in timings] == [3, 5, 4]
    assert timings[2].due_s - timings[0].due_s == pytest.approx(0.4)
    assert printed["levels"][0]["completed"] == 3


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--concurrency", "0"), "concurrency: must be positive, got 0"),
        (("--concurrency", "many"), "concurrency: must be whole numbers like 1,8,32, got 'many'"),
        (("--rate", "1", "--concurrency", "2"), "rate: must be left out beside --concurrency"),
        (("--rate", "nan"), "rate: must be positive, got nan"),
        (("--burstiness", "2"), "burstiness: must be left out without --rate, got 2.0"),
        (("--duration", "10s", "--requests", "5"), "requests: must be left out beside --duration"),
        (("--input-tokens", "8:4"), "high: must be at least low = 8, got 4"),
        (("--output-tokens", "gamma:3:4"), "output_tokens: must be like 128, 64:256, normal:128:32"),
        (("--output-tokens", "x"), "output_tokens: 'x' is not a quantity"),
        (("--prompts", "ids"), "vocab_size: must be above 0 for ids"),
        (("--out", "o.jsonl"), "model: missing beside --out"),
        (("--out", "o.jsonl", "--model", "mixtral-8x7b"), "gpu: missing beside --out"),
        (("--out", "o.jsonl", "--model", "mixtral-8x7b", "--gpu", "h1000"), "unknown name 'h1000'"),
        (("--log", "there.txt"), "log: there.txt is there already"),
        (("--replay",), "trace: missing beside --replay"),
        (("--replay", "--rate", "3"), "rate: must be left out beside --replay, got 3"),
        (
            ("--prompts", "ids", "--vocab-size", "9", "--turns", "2"),
            "num_turns: must be 1 with prompts of ids, got 2",
        ),
        (("--ttft", "5"), "say 5ms or 5s"),
        (("--api-key-variable", "NO_SUCH"), "key_variable: NO_SUCH is not set in the environment"),
    ],
)
def test_what_cannot_be_is_one_line_before_anything_is_measured(url, tmp_path, words, line):
    (tmp_path / "there.txt").write_text("")
    done = optimoe("measure", url, *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_tells_no_engine_is_refused_before_the_load_where_records_are_asked_for(url, tmp_path):
    served = ("--model", "mixtral-8x7b", "--gpu", "h100-sxm", "--out", "o.jsonl", "--log", "log.jsonl")
    done = optimoe("measure", url, "--served-model", "key:none", *served, cwd=tmp_path)
    assert done.returncode == 2
    assert "engine: missing beside --out: the server does not tell it" in done.stderr
    assert (tmp_path / "log.jsonl").read_text() == ""
