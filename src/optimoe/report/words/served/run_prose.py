"""What latencies mean by the way requests arrive, and a run that ends, in labelled lines."""

from optimoe.core.units import format_seconds
from optimoe.cost.serving.systems.runs import FiniteRun
from optimoe.cost.serving.workload import Limits
from optimoe.report.words.lines import Lines

METRICS = {
    "closed": "TTFT to the first token; TPOT (e2e − TTFT)/(output − 1)",
    "static": "TTFT until the batch's last prompt is read; TPOT (whole − TTFT)/(output − 1)",
    "offline": "TTFT from a free place to the first token; TPOT (e2e − TTFT)/(output − 1)",
}
"""One sentence for each way in which requests arrive."""


def arrival_words(limits: Limits) -> str:
    """How requests come, and of which of them the latency is told."""
    if not limits.on_percentiles:
        return "a closed system; means"
    ttft, tpot = statistic(limits.ttft_percentile), statistic(limits.tpot_percentile)
    told = f"{ttft} of the requests" if ttft == tpot else f"TTFT {ttft}, TPOT {tpot}"
    return f"Poisson arrivals; {told}"


def statistic(percentile: float) -> str:
    """Say of which requests a latency is told: ``p95``, or ``mean``."""
    return f"p{100 * percentile:.4g}" if percentile else "mean"


def metric_lines(run: FiniteRun | None, limits: Limits) -> Lines:
    """What TTFT and TPOT are, of which requests, and how long the run takes, where it ends."""
    arrivals = run.arrivals if run else "closed"
    told = f"; of {arrival_words(limits)}" if limits.on_percentiles else "; both means"
    of = "" if arrivals == "static" else told
    lines = [("", f"{METRICS[arrivals]}{of}, with 90 % of measured errors")]
    return [*lines, ("Run", _run_words(run))] if run else lines


def _run_words(run: FiniteRun) -> str:
    if run.arrivals == "static":
        phases = f"prompts {format_seconds(float(run.prefill_s))} + answers {format_seconds(float(run.decode_s))}"
    else:
        phases = f"the first batch's prompts {format_seconds(float(run.prefill_s))}"
    return (
        f"{run.num_requests:,.0f} requests in {format_seconds(float(run.total_s))} ({phases}): "
        f"{run.requests_per_s:,.3g} requests/s, {run.output_tokens_per_s:,.0f} output and "
        f"{run.total_tokens_per_s:,.0f} tokens/s with prompts"
    )
