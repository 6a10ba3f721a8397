"""A run's model as it came out of training: its newest whole checkpoint, without corpora and optimiser."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch

from optimoe.core.errors import InputError, require
from optimoe.core.run import RunSpec, load_runs
from optimoe.models.convert.lifelong import merge
from optimoe.models.decoder import Decoder
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.checkpoints.state import load_weights
from optimoe.trainer.corpus.tokenizers import TOKENIZER_FILE, FileTokenizer
from optimoe.trainer.results.folder import CHECKPOINTS, RUN
from optimoe.trainer.setup import formed_model


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """What a run's folder holds of its model.

    Attributes:
        run: What was trained.
        step: Optimiser steps that the weights have seen.
        model: On the CPU, for evaluation.
        tokenizer: Of its text.
        passed_over: A line for each newer checkpoint that is broken.
    """

    run: RunSpec
    step: int
    model: Decoder
    tokenizer: FileTokenizer
    passed_over: tuple[str, ...] = ()


def model_at(run: RunSpec, checkpoint: Path, step: int) -> Decoder:
    """The model of a run in a checkpoint of a step, on the CPU, in the form in which that stage trains it.

    Raises:
        InputError: The checkpoint is of another model.
    """
    with torch.device("cpu"), torch.random.fork_rng(devices=[]):  # initial weights, which are not kept
        model = formed_model(run, step)
    load_weights(checkpoint, model)
    return model


def load_run(folder: Path, step: int = 0) -> TrainedRun:
    """The model of a run with the weights of its newest whole checkpoint; what it grew or adapted is merged.

    Args:
        folder: The run's own.
        step: Of the checkpoint; 0 takes the newest.

    Raises:
        ConfigError: The step is negative.
        InputError: There is no run, no tokenizer or no whole checkpoint, or the checkpoint is of another model.
    """
    require(step >= 0, "step", "zero or more", step)
    if not (folder / RUN).is_file():
        raise InputError(f"{folder}: must be the folder of a run, holds no {RUN}")
    (run,) = load_runs(folder / RUN)
    checkpoints = CheckpointFolder(folder / CHECKPOINTS)
    found = checkpoints.newest(step or math.inf)
    if found.path is None or step not in (0, found.step):
        there = ", ".join(map(str, checkpoints.steps())) or "none"
        which = f"a checkpoint of step {step} (there are {there})" if step else "a whole checkpoint"
        raise InputError(f"{folder}: must hold {which}" + "".join(f"; {line}" for line in found.broken))
    model = model_at(run, found.path, found.step)
    model = merge(model) if run.stages else model
    tokenizer = FileTokenizer(folder / TOKENIZER_FILE)
    return TrainedRun(run=run, step=found.step, model=model.eval(), tokenizer=tokenizer, passed_over=found.broken)
