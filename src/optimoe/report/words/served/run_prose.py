"""What latencies mean by the way requests arrive, and a run that ends, in labelled lines."""

from optimoe.core.units import format_seconds
from optimoe.cost.serving.systems.runs import FiniteRun
from optimoe.report.words.lines import Lines

METRICS = {
    "closed": "TTFT to the first token; TPOT (e2e − TTFT)/(output − 1); both means",
    "static": "TTFT until the batch's last prompt is read; TPOT (whole − TTFT)/(output − 1)",
    "offline": "TTFT from a free place to the first token; TPOT (e2e − TTFT)/(output − 1); both means",
}
"""One sentence for each way in which requests arrive."""


def metric_lines(run: FiniteRun | None) -> Lines:
    """What TTFT and TPOT are, and how long the run takes, where it ends."""
    lines = [("", f"{METRICS[run.arrivals if run else 'closed']}, with 90 % of measured errors")]
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
