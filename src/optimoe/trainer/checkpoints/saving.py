"""Checkpoints of a run, written while it waits or while it goes on."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import torch
from torch import distributed, nn

from optimoe.models.losses import Balancer
from optimoe.trainer.checkpoints.folder import CheckpointFolder
from optimoe.trainer.checkpoints.state import Finish, Progress, begin_save, save_state
from optimoe.trainer.parallel.ranks import Ranks


class Saver:
    """What writes the checkpoints of a run, one at a time; :func:`saving` makes one.

    In the background, weights and moments are copied to the host's memory and training goes on; files, checksums
    and the checkpoint's name follow in a thread. Until it has its name, the one before it is the last good one.

    Args:
        checkpoints: Of the run.
        ranks: That train it; all call every method alike.
        background: Whether training goes on meanwhile.
    """

    def __init__(self, checkpoints: CheckpointFolder, ranks: Ranks, background: bool) -> None:
        self._checkpoints, self._ranks = checkpoints, ranks
        self._thread = ThreadPoolExecutor(1, "checkpoint") if background else None
        # messages of two threads in one group would be taken for each other's
        several = background and ranks.group is not None
        self._group = distributed.new_group(backend="gloo") if several else None
        self._pending: Future[None] | None = None

    @property
    def failed(self) -> bool:
        """Whether the checkpoint in the background could not be written; :meth:`wait` says why."""
        pending = self._pending
        return pending is not None and pending.done() and pending.exception() is not None

    def save(
        self,
        model: nn.Module,
        optimizers: list[torch.optim.Optimizer],
        balancer: Balancer | None,
        progress: Progress,
    ) -> None:
        """Write a checkpoint of the step that a run has done, or begin to, after the one before is written.

        Raises:
            InputError: It cannot be written, or the one before could not.
        """
        self.wait()
        with self._ranks.together(), ExitStack() as begun:
            writing = self._checkpoints.writing(progress.step)
            folder = self._ranks.first(lambda: begun.enter_context(writing))
            if self._thread is None:
                save_state(folder, model, optimizers, balancer, progress)
                return
            finish = begin_save(folder, model, optimizers, balancer, progress, self._group)
            self._pending = self._thread.submit(_finish, finish, begun.pop_all())

    def wait(self) -> None:
        """Wait until nothing is being written.

        Raises:
            InputError: It could not be.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            with self._ranks.together():
                pending.result()

    def close(self) -> None:
        """Wait for what is being written, whatever comes of it."""
        if self._thread is not None:
            self._thread.shutdown()


@contextmanager
def saving(checkpoints: CheckpointFolder, ranks: Ranks, background: bool) -> Iterator[Saver]:
    """What writes the checkpoints of a run; nothing is being written any more after the context."""
    saver = Saver(checkpoints, ranks, background)
    try:
        yield saver
    finally:
        saver.close()


def _finish(finish: Finish, begun: ExitStack) -> None:
    with begun:
        finish()
