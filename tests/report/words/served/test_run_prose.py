from optimoe.cost.serving.systems.runs import FiniteRun
from optimoe.cost.serving.workload import Limits
from optimoe.report.words.served.run_prose import METRICS, metric_lines


def run(arrivals):
    return FiniteRun(
        arrivals=arrivals,
        num_requests=64.0,
        prefill_s=2.0,
        total_s=10.0,
        requests_per_s=6.4,
        output_tokens_per_s=640.0,
        total_tokens_per_s=1280.0,
    )


def test_every_way_of_arriving_says_in_one_sentence_what_its_latencies_are():
    for arrivals in ("static", "offline"):
        (_, metrics), (label, words) = metric_lines(run(arrivals), Limits())
        assert metrics.startswith(METRICS[arrivals])
        assert label == "Run"
        assert "64 requests in 10.0 s" in words
        assert "640 output and 1,280 tokens/s with prompts" in words
    assert "prompts 2.00 s + answers 8.00 s" in metric_lines(run("static"), Limits())[1][1]
    assert metric_lines(None, Limits()) == [("", f"{METRICS['closed']}; both means, with 90 % of measured errors")]


def test_percentiles_are_told_of_the_latency_that_they_limit():
    ((_, told),) = metric_lines(None, Limits(ttft_s=2.0, ttft_percentile=0.95))
    assert "of Poisson arrivals; TTFT p95, TPOT mean" in told
    assert "both means" not in told
