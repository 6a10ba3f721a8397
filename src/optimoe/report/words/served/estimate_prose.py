"""An estimate of serving in labelled lines, where the model and the deployment behind it are not at hand."""

import numpy as np

from optimoe.core.units import format_seconds, format_usd
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.report.words.lines import Lines
from optimoe.report.words.serving_prose import bound_words, layout_words

SHOWN_SHARE = 0.005
"""Share of TPOT from which a cause is said, as ``cost`` says them."""


def estimate_lines(estimate: ServingEstimate) -> Lines:
    """Layout, requests, latency, throughput and price; of a grid its shape and where its table is."""
    if shape := np.shape(estimate.tpot_s):
        return [("Grid", f"{' × '.join(map(str, shape))} estimates: to_frame() has a row for each")]
    parts = sorted(estimate.parts.items(), key=lambda part: -float(part[1]))
    causes = ", ".join(
        f"{bound_words(cause.removesuffix('_s').replace('_', ' ')).removeprefix('the ')} "
        f"{format_seconds(float(seconds))}"
        for cause, seconds in parts
        if seconds > SHOWN_SHARE * estimate.tpot_s
    )
    return [
        ("Layout", layout_words(estimate.layout)),
        ("Batch", f"{estimate.concurrency:,.0f} requests in flight, {estimate.max_batch:,.0f} fit"),
        (
            "Latency",
            f"TTFT {format_seconds(float(estimate.ttft_s))} · TPOT {format_seconds(float(estimate.tpot_s))}",
        ),
        (
            "Rate",
            f"{estimate.tokens_per_s:,.0f} output tokens/s, {estimate.tokens_per_s_per_gpu:,.0f} per GPU · "
            f"{format_usd(float(estimate.usd_per_mtok))} per M output tokens, their prompts included",
        ),
        *([("TPOT is", causes)] if causes else []),
    ]
