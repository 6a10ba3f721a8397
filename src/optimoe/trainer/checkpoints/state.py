"""What a checkpoint holds: weights, moments, balancing, and how far the run is."""

import json
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed import ProcessGroup
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save, save

from optimoe.core.config import build, load_json
from optimoe.core.errors import InputError
from optimoe.core.run import CurvePoint
from optimoe.models.losses import Balancer

PROGRESS = "progress.json"
TENSORS = "tensors"

Finish = Callable[[], None]
"""Waits until a checkpoint's files are written."""


@dataclass(kw_only=True)
class Progress:
    """How far a run is; all of it is in every checkpoint.

    Attributes:
        step: Optimiser steps done.
        seconds: Of training, evaluations and saving left out.
        started_utc: When it first began.
        curve: Held-out loss along the run.
        by_stage: Held-out loss of each source before the first step and after each stage, of a run of stages.
        bias_steps: How often balancing biases were moved.
        routing: How training was routed so far (:class:`~optimoe.models.losses.RunningReport`).
        scaling: The loss scale of float16 (:class:`~optimoe.trainer.steps.scaling.LossScaler`); empty otherwise.
        skipped_steps: Whose gradients overflowed in float16.
        peaks: The fastest products seen, FLOP/s by what the run was done on.
    """

    started_utc: str
    step: int = 0
    seconds: float = 0.0
    curve: list[CurvePoint] = field(default_factory=list)
    by_stage: list[dict[str, float]] = field(default_factory=list)
    bias_steps: int = 0
    routing: dict[str, Any] = field(default_factory=dict)
    scaling: dict[str, float] = field(default_factory=dict)
    skipped_steps: int = 0
    peaks: dict[str, float] = field(default_factory=dict)


def save_state(
    folder: Path,
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    balancer: Balancer | None,
    progress: Progress,
) -> None:
    """Write everything that going on needs into a folder.

    Raises:
        OSError: It cannot be written.
    """
    _write_tensors(folder / TENSORS, _state(model, optimizers, balancer, progress))
    if _is_first():
        _write_progress(folder / PROGRESS, progress)


def begin_save(
    folder: Path,
    model: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    balancer: Balancer | None,
    progress: Progress,
    group: ProcessGroup | None,
) -> Finish:
    """Copy what :func:`save_state` writes, and begin to write the copy while its originals change.

    The group, that of all ranks, must be one that nothing else uses meanwhile.

    Returns:
        What waits until tensors are written, and writes the rest; it raises OSError where they cannot be.
    """
    state, then = _state(model, optimizers, balancer, progress), deepcopy(progress)
    warnings.filterwarnings("ignore", _ALONE)  # not for a while: another thread warns
    written = async_save(state, checkpoint_id=folder / TENSORS, process_group=group)

    def finish() -> None:
        try:
            written.result()  # type: ignore[union-attr]
        except CheckpointException as error:
            raise _as_os_error(error) from None
        if _is_first():
            _write_progress(folder / PROGRESS, then)

    return finish


_ALONE = "torch.distributed is disabled, unavailable or uninitialized, assuming"


def _state(
    model: nn.Module, optimizers: list[torch.optim.Optimizer], balancer: Balancer | None, progress: Progress
) -> dict[str, Any]:
    """Weights and moments; how often biases were moved is of the progress."""
    weights, moments = get_state_dict(model, optimizers)
    if balancer is not None:
        progress.bias_steps = balancer.num_steps
    return {"model": weights, "optimizer": moments}


def _is_first() -> bool:
    return not distributed.is_initialized() or distributed.get_rank() == 0


def _write_tensors(path: Path, state: dict[str, Any]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one process is what it warns of
            save(state, checkpoint_id=path)
    except CheckpointException as error:
        raise _as_os_error(error) from None


def _write_progress(path: Path, progress: Progress) -> None:
    path.write_text(json.dumps(asdict(progress)) + "\n", encoding="utf-8")


def load_state(
    folder: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], balancer: Balancer | None
) -> Progress:
    """Put what :func:`save_state` wrote back into place, whatever the number of ranks that wrote it.

    Raises:
        InputError: It is of another model or of other optimisers.
    """
    progress = load_progress(folder)
    weights, moments = get_state_dict(model, optimizers)
    state: dict[str, Any] = {"model": weights, "optimizer": moments}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load(state, checkpoint_id=folder / TENSORS)
        set_state_dict(
            model,
            optimizers,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
            options=StateDictOptions(strict=True),
        )
    except (CheckpointException, RuntimeError, KeyError) as error:
        raise InputError(f"{folder}: must be of this run's model and optimisers ({_first_line(error)})") from None
    if balancer is not None:
        balancer.load_state_dict({"num_steps": progress.bias_steps, "loads": {}})
    return progress


def load_progress(folder: Path) -> Progress:
    """How far the run was.

    Raises:
        InputError: It cannot be read.
        ConfigError: It is no progress.
    """
    return build(Progress, load_json(folder / PROGRESS), where=str(folder / PROGRESS))


def load_weights(folder: Path, model: nn.Module) -> None:
    """Put weights and buffers alone back into place, whatever the number of ranks that wrote them.

    Raises:
        InputError: They are of another model.
    """
    weights = model.state_dict()
    try:
        reader = FileSystemReader(folder / TENSORS)
        there = {name for name in reader.read_metadata().state_dict_metadata if name.startswith("model.")}
        if strange := sorted(there - {f"model.{name}" for name in weights}):
            raise InputError(f"{folder}: must be of this run's model, which has no {strange[0]}")
        with warnings.catch_warnings(action="ignore"):  # one process is what it warns of
            load({"model": weights}, storage_reader=reader, no_dist=True)
    except (CheckpointException, RuntimeError, KeyError) as error:
        raise InputError(f"{folder}: must be of this run's model ({_first_line(error)})") from None


def _as_os_error(error: CheckpointException) -> OSError:
    """The error of the disk inside a failure of several ranks, or one that tells of the failure."""
    for failure in error.failures.values():
        inner = failure[0] if isinstance(failure, tuple) else failure
        if isinstance(inner, OSError):
            return inner
    return OSError(0, _first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
