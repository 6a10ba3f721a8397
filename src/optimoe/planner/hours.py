"""Published GPU hours of labs' training runs beside ours, and the band of hours that follows from them."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import stdtrit

from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.training import USUAL_SEQ_LEN
from optimoe.cost.training.estimate import TrainEstimate, TrainRun
from optimoe.cost.training.search import best_training
from optimoe.cost.training.setup import usual_goodput, usual_setup
from optimoe.planner.labs import Lab, all_labs
from optimoe.planner.problem.training import rule_batch

USUAL_DAYS = 60
"""Length of a run whose number of GPUs was not published (assumed: the published ones last 10 to 54 days)."""

BAND = 0.9
"""Share of runs that the band of hours is to hold."""


@dataclass(frozen=True, kw_only=True)
class LabHours:
    """The hours of one run as its makers state them, and as they are predicted.

    Attributes:
        lab: What was published.
        estimate: The best layout on as many GPUs, with the batch of the published rule.
    """

    lab: Lab
    estimate: TrainEstimate

    @property
    def predicted(self) -> float:
        """GPU hours by the model of training, at its usual goodput."""
        return self.estimate.gpu_hours(self.lab.tokens).value

    @property
    def ratio(self) -> float:
        """Published over predicted hours."""
        return self.lab.gpu_hours / self.predicted

    @property
    def counts(self) -> bool:
        """Whether the row is a fact about one run's hours, not a bound or time with all stops in it."""
        return self.lab.hours_basis != "upper_bound" and "stops included" not in self.lab.note


def lab_run(lab: Lab, batch_tokens: int = 0) -> TrainRun:
    """The run of a lab as the planner would state it, of its published GPUs, precision and compute.

    Args:
        lab: What was published.
        batch_tokens: Of a step; 0 for the published rule's.
    """
    accelerator = find_accelerator(lab.gpu)
    num_gpus = lab.gpus or _whole_nodes(lab, accelerator.gpus_per_node)
    by_rule, source = rule_batch(lab.train_flops, USUAL_SEQ_LEN)
    return TrainRun(
        cluster=Cluster(accelerator=accelerator, num_gpus=num_gpus),
        batch_tokens=batch_tokens or by_rule,
        batch_source="" if batch_tokens else source,
        seq_len=USUAL_SEQ_LEN,
        setup=usual_setup("fp8" if lab.fp8 else "bf16"),
        goodput=usual_goodput(num_gpus),
    )


def _whole_nodes(lab: Lab, gpus_per_node: int) -> int:
    """GPUs that take the published hours in :data:`USUAL_DAYS`."""
    return gpus_per_node * max(1, round(lab.gpu_hours / (24 * USUAL_DAYS * gpus_per_node)))


@cache
def lab_hours() -> tuple[LabHours, ...]:
    """Every run whose hours and tokens were published, beside the prediction."""
    rows = [lab for lab in all_labs() if lab.gpu_hours and lab.tokens]
    return tuple(LabHours(lab=lab, estimate=best_training(lab.spec, lab_run(lab))) for lab in rows)


def band_of_hours(ratios: np.ndarray) -> tuple[float, float]:
    """The range of published over predicted hours in which the next run is to be expected.

    exp(m ± t·s·√(1 + 1/n)), m and s mean and deviation of ln ratio over n runs, t of n − 1 degrees at
    :data:`BAND`, widened to hold every run.
    """
    logs, size = np.log(ratios), len(ratios)
    wide = stdtrit(size - 1, (1 + BAND) / 2) * np.std(logs, ddof=1) * math.sqrt(1 + 1 / size)
    low, high = np.mean(logs) - wide, np.mean(logs) + wide
    return math.exp(min(low, logs.min())), math.exp(max(high, logs.max()))


def held_left_out(ratios: np.ndarray) -> float:
    """Share of runs that lie in the band of all the others."""
    held = 0
    for index, ratio in enumerate(ratios):
        low, high = band_of_hours(np.delete(ratios, index))
        held += low <= ratio <= high
    return held / len(ratios)
