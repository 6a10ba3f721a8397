"""Seconds of a run's step, from passes over random tokens."""

import time
from collections.abc import Callable
from functools import partial

import torch

from optimoe.core.run import RunSpec
from optimoe.trainer.batches.loader import TokenBatch
from optimoe.trainer.device import wait_for
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.setup import make_model
from optimoe.trainer.steps.step import Stepper

_ROUNDS, _ENOUGH_S = 3, 1.0
"""Rounds of a step that is timed; none more once it took so many seconds, where disturbances weigh little."""


def rehearsed_step_s(run: RunSpec, how: TrainOptions, device: torch.device, rows: int) -> float:
    """Seconds of an optimiser step of a run, on one process and without its data.

    Steps of one pass and of two are timed, the best of three, since what disturbs only slows: the difference is a
    pass, the rest is done once a step. With n passes a step takes t₁ + (n − 1) · (t₂ − t₁).

    Args:
        run: Which; of one with stages, the model that it begins with.
        how: On this machine; as many threads as there are now.
        device: Where.
        rows: Sequences of a pass.

    Raises:
        ConfigError: The run asks for what is not built.
    """
    stepper = Stepper.of(run, make_model(run, device, 0).train(), how)
    sequences = -(-run.batch_tokens // run.seq_len)
    rows = min(rows, sequences)
    ids_BS = torch.randint(stepper.model.arch.vocab_size, (rows, run.seq_len), device=device)
    batch = TokenBatch(ids_BS=ids_BS, target_BS=ids_BS.roll(-1, 1), document_BS=torch.zeros_like(ids_BS))

    def step_s(passes: int) -> float:
        seen = list[float]()
        while len(seen) < _ROUNDS and sum(seen) < _ENOUGH_S:
            seen.append(_seconds(partial(stepper, [batch] * passes, 0.0, "rehearsal"), device))
        return min(seen)

    stepper([batch], 0.0, "rehearsal")  # sets up libraries and moments
    one = step_s(1)
    if sequences == rows:
        return one
    return one + (sequences / rows - 1) * max(0.0, step_s(2) - one)


def _seconds(call: Callable[[], object], device: torch.device) -> float:
    wait_for(device)
    start = time.perf_counter()
    call()
    wait_for(device)
    return time.perf_counter() - start
