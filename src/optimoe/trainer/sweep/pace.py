"""What runs take on this machine: counted FLOPs over rates that rehearsals and the first runs show."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimoe.core.run import RunSpec
from optimoe.core.run.spec import run_table

SETTLED_RUNS = 5
"""After so many runs the estimate of the rest is taken anew, and held against what the rest then takes."""

FORWARD_SHARE = 1 / 3
"""Of the time of training on a token, for evaluating one: a forward pass of forward and backward."""

REHEARSED_SHAPES = 8

SETUP_S = 1.0
"""Of a run, for its model, the peak of products, and its last checkpoint."""

ASSUMED_FLOPS_PER_S = 1e10
"""Where no shape could be timed; a core of 2026 multiplies small matrices at about that."""

_NO_MATTER = ("name", "source", "notes", "seed", "tokens", "schedule", "stages", "start")


def shape_of(run: RunSpec) -> str:
    """All that the time of a step depends on, as a text that is the same for runs of one pace."""
    table = {key: value for key, value in run_table(run).items() if key not in _NO_MATTER}
    return json.dumps(table, sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is left of a run; :func:`work_left` counts it.

    Attributes:
        run: Which.
        shape: All that the time of a step depends on.
        first: Step from which it goes on, of its own checkpoint or of a run with the same first steps.
        flops: Of training, counted part by part, that are left.
        flops_per_token: Of training.
        eval_tokens: Held-out tokens of all evaluations that are left.
    """

    run: RunSpec
    shape: str
    first: int
    flops: float
    flops_per_token: float
    eval_tokens: int


def work_left(run: RunSpec, first: int, evaluations: int, eval_tokens: int) -> Work:
    """What is left of a run from a step on.

    Args:
        run: Which.
        first: Step from which it goes on.
        evaluations: Evenly over the whole run.
        eval_tokens: Held-out tokens of one.
    """
    from optimoe.trainer.results.record import RunCounts  # brings PyTorch, which a store is read without

    counts, first = RunCounts.of(run), min(first, run.steps)
    every = max(1, -(-run.steps // evaluations)) if evaluations else run.steps
    number = -(-(run.steps - first) // every) + (first == 0)
    return Work(
        run=run,
        shape=shape_of(run),
        first=first,
        flops=counts.flops(run.steps) - counts.flops(first),
        flops_per_token=counts.flops_per_token[0],
        eval_tokens=number * eval_tokens,
    )


class Pace:
    """Seconds of steps by shape, and by how much runs have taken longer than their steps say."""

    def __init__(self) -> None:
        self._token_s: dict[str, float] = {}
        self._flops: dict[str, float] = {}
        self._ratios: dict[str, list[float]] = {}

    def learn(self, shape: str, flops_per_token: float, tokens_per_s: float) -> None:
        """Take in the speed of a shape."""
        self._token_s[shape], self._flops[shape] = 1 / tokens_per_s, flops_per_token

    def correct(self, work: Work, seconds: float) -> None:
        """Take in what a run has taken in all."""
        self._ratios.setdefault(work.shape, []).append(seconds / self._plain(work))

    def unknown(self, works: Sequence[Work]) -> list[Work]:
        """Runs whose shapes are worth a rehearsal: of unknown ones at most eight, evenly over their FLOPs."""
        by_shape = {work.shape: work for work in works if work.shape not in self._token_s}
        ordered = sorted(by_shape.values(), key=lambda work: work.flops_per_token)
        if len(ordered) <= REHEARSED_SHAPES:
            return ordered
        at = np.linspace(0, len(ordered) - 1, REHEARSED_SHAPES).round().astype(int)
        return [ordered[index] for index in at]

    def seconds(self, work: Work) -> float:
        """What one worker takes for what is left of a run."""
        own = self._ratios.get(work.shape) or [one for ratios in self._ratios.values() for one in ratios]
        return self._plain(work) * (statistics.median(own) if own else 1.0)

    def _plain(self, work: Work) -> float:
        """By the speed of steps alone."""
        tokens = (work.run.steps - work.first) * work.run.batch_tokens + FORWARD_SHARE * work.eval_tokens
        return SETUP_S + tokens * self._token_seconds(work)

    def _token_seconds(self, work: Work) -> float:
        """Measured, or by a straight line in logarithms of FLOPs through those that were."""
        if work.shape in self._token_s:
            return self._token_s[work.shape]
        if not self._token_s:  # every rehearsal diverged
            return work.flops_per_token / ASSUMED_FLOPS_PER_S
        flops = np.log([self._flops[one] for one in self._token_s])
        seconds = np.log(list(self._token_s.values()))
        slope = np.polyfit(flops, seconds, 1)[0] if len(set(flops)) > 1 else 1.0
        return float(np.exp(seconds.mean() + slope * (np.log(work.flops_per_token) - flops.mean())))


@dataclass(frozen=True, kw_only=True)
class SweepEstimate:
    """What is left of a sweep.

    Attributes:
        num_runs: Runs.
        flops: Training FLOPs, counted, without those that runs share.
        worker_seconds: Of all workers together.
        seconds: Until the last run is over, if all workers are busy.
        usd: At the price of the machine's hour.
    """

    num_runs: int
    flops: float
    worker_seconds: float
    seconds: float
    usd: float


def estimate(pace: Pace, left: Sequence[Work], num_workers: int, usd_per_hour: float) -> SweepEstimate:
    """What runs take together: no less than the longest of them, and than their sum over the workers."""
    each = [pace.seconds(work) for work in left]
    seconds = max([sum(each) / num_workers, *each], default=0.0)
    return SweepEstimate(
        num_runs=len(left),
        flops=sum(work.flops for work in left),
        worker_seconds=sum(each),
        seconds=seconds,
        usd=seconds / 3600 * usd_per_hour,
    )


@dataclass(frozen=True, kw_only=True)
class Reckoning:
    """What was thought, and what was.

    Attributes:
        before: Before the first run.
        settled: After the first five, of the rest; none before that.
        worker_seconds: That the rest has taken since.
        worker_seconds_thought: That was thought of those of the rest that are over.
        num_runs: Of the rest that are over.
    """

    before: SweepEstimate
    settled: SweepEstimate | None = None
    worker_seconds: float = 0.0
    worker_seconds_thought: float = 0.0
    num_runs: int = 0

    @property
    def ratio(self) -> float | None:
        """Actual over estimated seconds of the runs after the first five; none before one is over."""
        return self.worker_seconds / self.worker_seconds_thought if self.worker_seconds_thought else None
