"""A training run in labelled lines."""

import math

from optimoe.core.units import format_bytes, format_count, format_seconds, format_usd
from optimoe.cost.training.estimate import TrainEstimate
from optimoe.cost.training.layout import TrainLayout
from optimoe.report.words.lines import Lines

DEGREES = ("tp", "ep", "pp", "dp", "interleave", "micro_batch")


def training_lines(best: TrainEstimate, tokens: float) -> Lines:
    """Layout, speed, memory, days and dollars."""
    run, layout = best.run, best.layout
    low, high = best.mfu_range()
    parts = sorted(((float(seconds), name) for name, seconds in vars(best.step).items()), reverse=True)
    step = float(best.step.total_s)
    shares = ", ".join(
        f"{name.removesuffix('_s').replace('_', ' ')} {format_seconds(seconds)}"
        for seconds, name in parts
        if seconds > 0.01 * step
    )
    usd = best.usd(tokens)
    price = "no price known" if math.isnan(usd) else format_usd(usd)
    return [
        ("Model", f"{best.arch.title} on {run.cluster.num_gpus} × {run.cluster.accelerator.name}"),
        ("Layout", train_layout_words(layout)),
        ("Speed", f"{best.mfu():.0%} MFU (6ND; {low:.0%} – {high:.0%}), {best.tokens_per_s:,.0f} tokens/s"),
        ("Run", f"{format_count(tokens)} tokens in {best.days(tokens):,.1f} days, {price}"),
        ("Memory", f"{format_bytes(float(best.memory.total))} a GPU"),
        ("A step is", f"{shares}: most of it {best.bound_by.replace('_', ' ')}"),
    ]


def train_layout_words(layout: TrainLayout) -> str:
    """The degrees above one, ZeRO's stage, and what is computed again."""
    degrees = {name.replace("_", "-"): getattr(layout, name) for name in DEGREES}
    used = [f"{name} {degree:.0f}" for name, degree in degrees.items() if degree > 1]
    again = [] if layout.recompute == "none" else [f"{layout.recompute} recomputation"]
    return ", ".join([*used, f"ZeRO {layout.zero:.0f}", *again])
