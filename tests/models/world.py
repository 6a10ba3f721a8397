"""Process groups of one rank, and of several."""

import traceback
from contextlib import contextmanager

import torch
from torch import distributed, multiprocessing


@contextmanager
def one_rank(folder):
    """Gloo over a file in that folder; gives the group."""
    with _joined(folder, 0, 1) as group:
        yield group


@contextmanager
def _joined(folder, rank, num_ranks):
    store = distributed.FileStore(str(folder / "store"), num_ranks)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=num_ranks)
    try:
        yield distributed.group.WORLD
    finally:
        distributed.destroy_process_group()


def on_ranks(function, folder, num_ranks=2):
    """What a function of (rank, group) returns on each of several forked processes, by rank."""
    process = multiprocessing.get_context("fork").Process
    workers = [process(target=_work, args=(function, folder, rank, num_ranks)) for rank in range(num_ranks)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)  # seconds: a rank that waits for a dead one would wait for ever
        if worker.is_alive():
            worker.kill()
    failures = [path.read_text() for path in sorted(folder.glob("failure*"))]
    assert not failures and not any(worker.exitcode for worker in workers), failures
    return [torch.load(folder / f"result{rank}", weights_only=False) for rank in range(num_ranks)]


def _work(function, folder, rank, num_ranks):
    torch.set_num_threads(1)
    try:
        with _joined(folder, rank, num_ranks) as group:
            torch.save(function(rank, group), folder / f"result{rank}")
    except BaseException:
        (folder / f"failure{rank}").write_text(traceback.format_exc())
        raise
