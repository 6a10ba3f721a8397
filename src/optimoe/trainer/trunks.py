"""Runs that are one run for a while: what differs later may begin with the steps that they share.

A constant stretch with decays at several lengths (warmup-stable-decay) gives a loss at each length for little more
than the longest: the shorter runs begin where their decay parts from it. Rivals over one sequence of distributions
share the stages that they begin with. Such a run ends with the bits that it would have had from its own beginning:
it is the same run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from optimoe.core.run import RunSpec, load_runs
from optimoe.core.run.spec import TALK, run_table
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.results.folder import CHECKPOINTS, RUN

_MAY_DIFFER = {*TALK, "tokens", "schedule", "stages"}


def shared_steps(run: RunSpec, other: RunSpec) -> int:
    """Optimiser steps that two runs have in common, from the first on.

    They share none where they differ in more than their tokens, the end of their schedules, their stages and what
    is said of them; else all steps before one of the two decays, or ends, or the stages that both begin with.
    """
    one, two = ({k: v for k, v in run_table(each).items() if k not in _MAY_DIFFER} for each in (run, other))
    begins = [(each.schedule.peak_rate, each.schedule.warmup_tokens) for each in (run, other)]
    if one != two or begins[0] != begins[1]:
        return 0
    if run.stages or other.stages:
        return _shared_stages(run, other)
    if run.schedule == other.schedule and run.tokens == other.tokens:
        return run.steps
    return min(_constant_steps(each) for each in (run, other))


def _shared_stages(run: RunSpec, other: RunSpec) -> int:
    """Steps of the stages that both begin with; their rates rise and fall in each of them."""
    pairs = zip(run.stages, other.stages, strict=False)
    number = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return run.stage_ends[number - 1] if number and run.schedule == other.schedule else 0


def _constant_steps(run: RunSpec) -> int:
    """Whole steps of which the middle, where the rate is taken, is not in the decay."""
    decay = run.schedule.cooldown_share * (run.tokens - run.schedule.warmup_tokens)
    within = math.floor((run.tokens - decay) / run.batch_tokens + 0.5)
    return min(within, run.tokens // run.batch_tokens)


@dataclass(frozen=True)
class Trunk:
    """A checkpoint of another run at a step that both share.

    Attributes:
        path: Its folder.
        step: Its step.
    """

    path: Path
    step: int


def find_trunk(run: RunSpec, folders: Sequence[Path]) -> Trunk | None:
    """The latest whole checkpoint among other runs' folders that a run may begin with; none where there is none.

    A run of stages begins at the end of one.

    Raises:
        InputError: A folder's ``run.toml`` cannot be read.
    """
    found: list[Trunk] = []
    for folder in folders:
        if (folder / RUN).is_file():
            (other,) = load_runs(folder / RUN)
            newest = CheckpointFolder(folder / CHECKPOINTS).newest(shared_steps(run, other))
            if newest.path is not None and (not run.stages or newest.step in run.stage_ends):
                found.append(Trunk(newest.path, newest.step))
    return max(found, key=lambda trunk: trunk.step, default=None)
