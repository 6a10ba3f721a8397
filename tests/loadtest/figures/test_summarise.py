"""Requests of a level become figures."""

import json
import math

import numpy as np
import pytest

from optimoe.core.errors import InputError
from optimoe.core.latency import load_latency_records, save_latency_records
from optimoe.loadtest.figures.steady import settled_after
from optimoe.loadtest.figures.summarise import summarise
from optimoe.loadtest.results.records import ServedModel, latency_record
from optimoe.loadtest.results.summary import vllm_table
from optimoe.loadtest.workload import LoadPlan, OpenLoop
from tests.loadtest.results.cases import failed, run, summary, timing

SERVED = ServedModel(
    model="mixtral-8x7b", gpu="h100-sxm", engine="vllm", engine_version="0.12.0", tp=2, num_gpus=2
)
VLLM = """date backend model_id num_prompts request_rate burstiness max_concurrency duration completed failed
total_input_tokens total_output_tokens request_throughput request_goodput output_throughput
total_token_throughput"""


def figures(timings, plan=None, **others):
    return summarise(run(timings, **others), plan or LoadPlan(), "one", "completions")


def test_latencies_are_of_measured_requests_that_were_answered():
    timings = [
        timing(0, phase="ramp", ttft_s=9.0),
        *(timing(i, sent_s=float(i), ttft_s=0.1 * i) for i in (1, 2, 3)),
        failed(4),
        timing(5, phase="drain", ttft_s=9.0),
    ]
    level = figures(timings)
    assert (level.completed, level.failed, level.errors) == (3, 1, {"http_500": 1})
    assert level.ttft.count == 3
    assert level.ttft.highest == pytest.approx(0.3)
    assert level.tpot.median == pytest.approx(0.01)
    assert (level.total_input_tokens, level.total_output_tokens) == (300, 33)


def test_throughput_is_of_the_time_in_which_the_load_was_full():
    """Ten streams of 11 tokens over 0.2 s each, one beginning every 0.1 s: 110 tokens a second."""
    timings = [timing(i, sent_s=0.1 * i, phase="measured" if 10 <= i < 60 else "ramp") for i in range(100)]
    level = figures(timings)
    assert level.output_throughput == pytest.approx(110, rel=0.02)
    assert level.request_throughput == pytest.approx(10, rel=0.05)
    assert level.duration_s == pytest.approx(5.1, abs=0.02)


def test_an_answer_in_one_piece_has_no_time_between_tokens():
    level = figures([timing(0), timing(1, chunks=1), timing(2, chunks=1)])
    assert level.tpot.count == 1 and level.tpot.median == pytest.approx(0.01)
    assert "2 of 3 answers came in one piece: they have no TPOT" in level.notes
    whole = figures([timing(0, chunks=1)])
    assert math.isnan(whole.tpot.median)
    with pytest.raises(InputError, match="no answer of a level came in two chunks or more"):
        latency_record(whole, SERVED)


def test_a_request_that_was_given_up_has_neither_failed_nor_been_answered():
    level = figures([timing(0), timing(1, error="cancelled")])
    assert (level.completed, level.failed) == (1, 0)


def test_a_level_without_an_answer_has_no_figures_and_no_fault():
    level = figures([failed(0), failed(1)])
    assert (level.completed, level.failed) == (0, 2)
    assert math.isnan(level.ttft.median)
    table = vllm_table(level)
    assert table["mean_ttft_ms"] is None
    json.dumps(table, allow_nan=False)
    with pytest.raises(InputError, match="no request of a level was answered"):
        latency_record(level, SERVED)


def test_the_names_and_units_are_those_of_vllm_s_benchmark():
    table = vllm_table(summary())
    assert set(VLLM.split()) <= set(table)
    for key in ("ttft", "tpot", "itl", "e2el"):
        assert {f"{word}_{key}_ms" for word in ("mean", "median", "std", "p99")} <= set(table)
    assert table["mean_ttft_ms"] == pytest.approx(150)
    assert table["median_e2el_ms"] == pytest.approx(300)
    assert set(table["optimoe"]["definitions"]) >= {"ttft", "tpot", "itl", "e2el"}


def test_a_series_that_settles_is_cut_where_it_has_settled():
    chance = np.random.default_rng(1)
    slow = 2 + chance.normal(0, 0.05, 20)
    cut, verdict = settled_after([*slow, *(1 + chance.normal(0, 0.05, 100))])
    assert (20 <= cut <= 40, verdict) == (True, "steady")


def test_a_series_that_never_settles_is_said_to_drift():
    chance = np.random.default_rng(1)
    assert settled_after((np.linspace(1, 3, 100) + chance.normal(0, 0.05, 100)).tolist()) == (0, "drifting")


def test_a_steady_series_is_hardly_ever_cut():
    chance = np.random.default_rng(2)
    verdicts = [settled_after(chance.gamma(4, size=100).tolist()) for _ in range(300)]
    assert sum(verdict == (0, "steady") for verdict in verdicts) > 270


def test_too_few_requests_are_not_judged():
    assert settled_after([1.0] * 49) == (0, "unjudged")


def test_requests_before_the_level_settled_are_left_out_of_its_figures():
    slow = [timing(i, sent_s=0.1 * i, gap_s=0.1) for i in range(20)]
    level = figures([*slow, *(timing(i, sent_s=0.1 * i, gap_s=0.01 + 1e-5 * (i % 3)) for i in range(20, 120))])
    assert level.settled_after == 20
    assert level.tpot.highest < 0.02
    assert any("the first 20 measured requests are left out" in note for note in level.notes)


def test_a_busy_client_is_said_to_be_the_limit():
    timings = [timing(i, sent_s=0.1 * i) for i in range(60)]
    assert not any("client" in note for note in figures(timings).notes)
    assert "the client is the limit: it used 95% of its core" in figures(timings, cpu_share=0.95).notes[0]
    assert "own delay, 3 ms, is in the gap" in figures(timings, delays_s=(0.003,)).notes[0]
    late = [timing(i, sent_s=0.1 * i, due_s=0.1 * i - 0.03) for i in range(60)]
    assert any("sent 30 ms late" in note for note in figures(late).notes)


def test_chunks_that_were_read_together_are_said():
    level = figures([timing(i, gaps_s=(0.0, 0.01) * 5) for i in range(3)])
    assert any("50% of the chunks were read with the one before" in note for note in level.notes)


def test_records_are_read_by_what_calibrates(tmp_path):
    open_loop = summary(load=OpenLoop(rate_per_s=10.0))
    records = [latency_record(one, SERVED) for one in (summary(num_before=2, fixed_lengths=True), open_loop)]
    save_latency_records(tmp_path / "records.jsonl", records)
    closed, opened = load_latency_records(tmp_path / "records.jsonl")
    assert (closed.ttft_s, closed.tpot_s, closed.input_tokens, closed.output_tokens) == (
        pytest.approx(0.15), pytest.approx(0.015), 100, 11,
    )  # fmt: skip
    assert (closed.concurrency, closed.rounds, closed.fixed_lengths) == (1, 6, True)
    assert opened.concurrency == pytest.approx(10.0 * 0.3)  # Little's law


def test_a_record_needs_the_server_s_count_of_prompts():
    with pytest.raises(InputError, match="the server does not count the tokens of prompts"):
        latency_record(summary(total_input_tokens=0), SERVED)
