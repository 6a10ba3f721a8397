"""Hours of runs that are still to do, held against what a person allows."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from optimoe.core.errors import InputError
from optimoe.core.run import RunSpec
from optimoe.core.units import format_seconds
from optimoe.trainer.device import DTYPES, measured_peak_flops_per_s
from optimoe.trainer.forecast.rehearsal import rehearsed_step_s
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.parallel.ranks import Ranks
from optimoe.trainer.results.record import RunCounts
from optimoe.trainer.setup import rows_of_pass

LEAST_S = 5.0
"""A run that needs less at the peak is not rehearsed: it is over in minutes even at a fiftieth of it."""

LONGEST_PASS_S = 2.0
"""At the peak, of one pass of a rehearsal: it has as many sequences; where one takes longer there is none."""


@dataclass(frozen=True, kw_only=True)
class RunForecast:
    """How long a run takes.

    Attributes:
        name: Of the run.
        seconds: Of the steps that are left, without evaluations and checkpoints.
        rehearsed: Whether steps were timed; else it is what its FLOPs take at the peak of products, which none
            reaches.
    """

    name: str
    seconds: float
    rehearsed: bool


def forecast(runs: Sequence[tuple[RunSpec, int]], how: TrainOptions, ranks: Ranks) -> tuple[RunForecast, ...]:
    """How long the rest of each run takes; rehearsed on one rank alone, since several exchange what one does not.

    Args:
        runs: Which, each with the steps that are done.
        how: On this machine.
        ranks: That train them; each calls this.

    Raises:
        ConfigError: A run asks for what is not built.
    """
    peaks = {
        word: ranks.total(measured_peak_flops_per_s(ranks.device, DTYPES[word]))
        for word in sorted({run.precision for run, _ in runs})
        if word in DTYPES
    }
    return tuple(_rest(run, done, how, ranks, peaks.get(run.precision, float("inf"))) for run, done in runs)


def _rest(run: RunSpec, done: int, how: TrainOptions, ranks: Ranks, peak_flops_per_s: float) -> RunForecast:
    counts = RunCounts.of(run)
    least_s = (counts.flops(run.steps) - counts.flops(done)) / peak_flops_per_s
    pass_s = run.seq_len * max(counts.flops_per_token) / peak_flops_per_s
    if least_s < LEAST_S or pass_s > LONGEST_PASS_S or ranks.group is not None:
        return RunForecast(name=run.name, seconds=least_s, rehearsed=False)
    rows = min(how.micro_batch or rows_of_pass(run), int(LONGEST_PASS_S / pass_s))
    with torch.random.fork_rng(devices=[]):
        seconds = (run.steps - done) * rehearsed_step_s(run, how, ranks.device, rows)
    return RunForecast(name=run.name, seconds=seconds, rehearsed=True)


def hours_line(forecasts: Sequence[RunForecast]) -> str:
    """The hours of runs in a sentence; none of runs that are over at once."""
    total = sum(one.seconds for one in forecasts)
    if total < LEAST_S:
        return ""
    about = "about" if all(one.rehearsed or one.seconds < LEAST_S for one in forecasts) else "at least"
    longest = max(forecasts, key=lambda one: one.seconds)
    if len(forecasts) == 1:
        return f"{longest.name}: {about} {format_seconds(total)} without evaluations"
    alone = f"{longest.name} alone {format_seconds(longest.seconds)}"
    return f"{len(forecasts)} runs: {about} {format_seconds(total)} without evaluations, {alone}"


def require_hours(forecasts: Sequence[RunForecast], most_hours: float) -> None:
    """Refuse runs that take more hours than a person allows.

    Raises:
        InputError: They do; says how long.
    """
    total = sum(one.seconds for one in forecasts)
    if most_hours and total > 3600 * most_hours:
        raise InputError(
            f"most_hours: must be {total / 3600:.3g} or more for these runs on this machine, got {most_hours:g}; "
            "--only, --share and --tokens train less"
        )
