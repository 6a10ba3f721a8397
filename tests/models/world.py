"""A process group of one rank."""

from contextlib import contextmanager

from torch import distributed


@contextmanager
def one_rank(folder):
    """Gloo over a file in that folder; gives the group."""
    store = distributed.FileStore(str(folder / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        yield distributed.group.WORLD
    finally:
        distributed.destroy_process_group()
