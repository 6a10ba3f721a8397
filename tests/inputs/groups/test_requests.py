"""Lengths of requests: means, percentiles, traces."""

import pytest

from optimoe.core.errors import InputError
from optimoe.inputs.groups.requests import Requests


def test_percentiles_stand_for_the_mean_of_their_lengths():
    workload = Requests(input_percentiles="50=800,90=3000", output_percentiles="50=200,90=600").workload()
    assert (workload.input_tokens, workload.output_tokens) == (1362, 289)


def test_a_trace_stands_for_its_mean(tmp_path):
    (tmp_path / "trace.csv").write_text("input_tokens,output_tokens\n100,50\n300,150\n")
    workload = Requests(trace=tmp_path / "trace.csv", prefix_hit=0.5).workload()
    assert (workload.input_tokens, workload.output_tokens, workload.prefix_hit) == (200, 100, 0.5)


def test_a_length_is_a_whole_number_of_tokens():
    with pytest.raises(InputError, match=r"input_tokens: must be a whole number, got 1.5"):
        Requests(input_tokens=1.5).workload()
    with pytest.raises(InputError, match="must look like 50=800,90=3000"):
        Requests(input_percentiles="50:800").workload()


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"tpot": "50"}, "--tpot: 50 seconds per token? say 50ms or 50s"),
        ({"ttft": "p95:2000"}, "--ttft: 2000 seconds to the first token? say 2000ms or 2000s"),
        ({"tpot": "100s"}, "tpot: must be 1e-5 to 60 seconds (faster than any GPU reads a small model; a token a"),
        ({"tpot": "-5ms"}, "tpot: must be 1e-5 to 60 seconds"),
    ],
)
def test_a_latency_that_may_be_seconds_or_milliseconds_is_asked_back(stated, words):
    with pytest.raises(InputError) as refused:
        Requests(**stated)
    assert str(refused.value).startswith(words)


@pytest.mark.parametrize(("text", "seconds"), [("50ms", 0.05), ("0.05", 0.05), ("50s", 50.0), ("p95:2s", 2.0)])
def test_a_latency_with_a_unit_or_below_a_second_is_taken(text, seconds):
    assert Requests(tpot=text).limits().tpot_s == seconds


def test_a_limit_is_on_the_mean_or_on_a_percentile():
    limits = Requests(ttft="p95:2s", tpot="40ms").limits()
    assert (limits.ttft_s, limits.ttft_percentile) == (2.0, 0.95)
    assert (limits.tpot_s, limits.tpot_percentile) == (0.04, 0.0)
    assert Requests(tpot="99:40ms").limits().tpot_percentile == 0.99
    assert not Requests(ttft="2s").limits().on_percentiles


@pytest.mark.parametrize("stated", ["p5:2s", "p100:2s", "often:2s"])
def test_a_percentile_that_is_none_is_refused(stated):
    with pytest.raises(InputError, match=r"--ttft: must be a percentile above p50 and below p100 like p95:2s"):
        Requests(ttft=stated).limits()
