"""What a worker of the cluster does: one job, in the store that the sweep means."""

import platform

from optimoe.core.errors import InputError
from optimoe.trainer.sweep.jobs import read_job


def task(line: str, mark: str) -> str:
    """Do a job of a sweep in its store.

    Args:
        line: Of the job.
        mark: Of the store in which the sweep keeps its run.

    Returns:
        The line of what came of it.

    Raises:
        InputError: The store is another folder here.
    """
    from optimoe.trainer.sweep.store import SweepStore  # the driver, which names this function, needs no PyTorch
    from optimoe.trainer.sweep.worker import do

    job = read_job(line)
    store = SweepStore(job.folder.parent)
    if store.mark() != mark:
        raise InputError(f"{store.path}: must be one folder on all machines, is another on {platform.node()}")
    return do(job, lambda _: None).text()
