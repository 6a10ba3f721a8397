"""A training run in labelled lines."""

import math

from optimoe.core.provenance import Estimate
from optimoe.core.units import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    format_bytes,
    format_count,
    format_seconds,
    format_usd,
)
from optimoe.cost.training.estimate import TrainEstimate, TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import training_range, usual_hours_ratio
from optimoe.report.words.lines import Deciding, Lines
from optimoe.report.words.served.energy_prose import Energy, energy_words

SHORT_DAYS = 0.05
"""A run below this, an hour or so, is not told in days."""

HOURS_WORDS = "at {:.1%} goodput; labs' own hours are {:.1f} to {:.1f} times the predicted, {:.1f} in the median"
"""What the band of hours is, for a goodput, the ends of the band and the median."""

DEGREES = ("tp", "ep", "pp", "dp", "interleave", "micro_batch")


def training_lines(best: TrainEstimate, tokens: float) -> Lines:
    """Layout, speed, memory, days and dollars."""
    run, layout = best.run, best.layout
    low, high = best.mfu_range()
    hours = best.gpu_hours(tokens)
    parts = sorted(((float(seconds), name) for name, seconds in vars(best.step).items()), reverse=True)
    step = float(best.step.total_s)
    shares = ", ".join(
        f"{name.removesuffix('_s').replace('_', ' ')} {format_seconds(seconds)}"
        for seconds, name in parts
        if seconds > 0.01 * step
    )
    return [
        ("Model", f"{best.arch.title} on {run.cluster.num_gpus} × {run.cluster.accelerator.name}"),
        (Deciding("Layout"), train_layout_words(layout, best.arch.num_layers, best.idle_gpus)),
        ("Batch", batch_words(best.batch_tokens, run)),
        ("Speed", f"{best.mfu():.0%} MFU (6ND; {low:.0%} – {high:.0%}), {best.tokens_per_s:,.0f} tokens/s"),
        (
            Deciding("Run"),
            f"{format_count(tokens)} tokens in {days_words(hours, run)}, {_cost_words(best, tokens)}",
        ),
        ("", _hours_words(run)),
        (
            "Energy",
            energy_words([Energy(kwh=best.energy_kwh(tokens), of="to train", gpu=run.cluster.accelerator)]),
        ),
        ("Memory", f"{format_bytes(float(best.memory.total))} a GPU"),
        ("A step is", f"{shares}: most of it {best.bound_by.replace('_', ' ')}"),
    ]


def _hours_words(run: TrainRun) -> str:
    """What the band of hours is: of labs' own runs, or of steps that were measured on the machine itself."""
    if run.measured_here:
        name, (low, high) = run.cluster.accelerator.name, training_range("here_error")
        return f"by steps measured on {name}; other models' were {low:.2g} to {high:.2g} times the predicted"
    return HOURS_WORDS.format(run.goodput, *training_range("hours_error"), usual_hours_ratio())


def _cost_words(best: TrainEstimate, tokens: float) -> str:
    """GPU hours and dollars, each with the band of the hours."""
    hours, usd = best.gpu_hours(tokens), best.usd(tokens)
    words = hours_words(hours)
    if math.isnan(usd):
        return f"{words}, no price known"
    if not usd:
        return f"{words}, owned GPUs: no dollars"
    low, high = (format_usd(usd * bound / hours.value) for bound in (hours.low, hours.high))
    return f"{words}, {format_usd(usd)} ({low} – {high})"


def days_words(hours: Estimate, run: TrainRun) -> str:
    """Days of a run that takes so many GPU hours, with their band where one is known; minutes of a short one."""
    value, low, high = (
        bound * SECONDS_PER_HOUR / SECONDS_PER_DAY / run.cluster.num_gpus
        for bound in (hours.value, hours.low, hours.high)
    )
    if value < SHORT_DAYS:
        words = [format_seconds(days * SECONDS_PER_DAY) for days in (value, low, high)]
        return f"{words[0]} ({words[1]} – {words[2]})" if not math.isnan(low) else words[0]
    band = "" if math.isnan(low) else f" ({low:,.1f} – {high:,.1f})"
    return f"{value:,.1f} days{band}"


def hours_words(hours: Estimate) -> str:
    """GPU hours, with their band where one is known."""
    digits = ".2g" if hours.value < 1 else ",.0f"
    band = "" if math.isnan(hours.low) else f" ({hours.low:{digits}} – {hours.high:{digits}})"
    return f"{hours.value:{digits}} GPU hours{band}"


def batch_words(batch_tokens: int, run: TrainRun) -> str:
    """The batch of a step in its layout, what was asked for, and where that is from."""
    words = f"{format_count(batch_tokens)} tokens, {batch_tokens // run.seq_len:,} sequences of {run.seq_len:,}"
    if batch_tokens != run.batch_tokens:
        words += f", as the ranks take it (asked: {run.batch_tokens:,})"
    return f"{words}; {run.batch_source}" if run.batch_source else words


def train_layout_words(layout: TrainLayout, num_layers: int, idle_gpus: int = 0) -> str:
    """The degrees above one, uneven stages, ZeRO's stage, what is computed again, and what stands idle."""
    degrees = {name.replace("_", "-"): getattr(layout, name) for name in DEGREES}
    used = [f"{name} {degree:.0f}" for name, degree in degrees.items() if degree > 1]
    again = [] if layout.recompute == "none" else [f"{layout.recompute} recomputation"]
    idle = [f"{idle_gpus} GPUs idle"] if idle_gpus else []
    ends = f"{layout.first_layers:.0f} layers first and {layout.last_layers:.0f} last"
    even = layout.pp * layout.first_layers == num_layers == layout.pp * layout.last_layers
    return ", ".join(
        [
            *used,
            *([ends] if layout.pp > 1 and layout.first_layers and not even else []),
            f"ZeRO {layout.zero:.0f}",
            *again,
            *idle,
        ]
    )
