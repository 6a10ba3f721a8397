"""The processes that train one run together, and how they agree; a process alone is one rank of one."""

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.distributed import ProcessGroup, ReduceOp

from optimoe.core.errors import InputError, OptimoeError, require
from optimoe.models.losses.ranks import all_over_ranks
from optimoe.trainer.options import DeviceWord

PATIENCE = timedelta(minutes=30)
"""How long a rank waits for the others: the first one may be making checksums of a large checkpoint."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among those that train a run.

    Attributes:
        device: Where this one computes.
        rank: Its number; 0 alone writes files and speaks.
        number: Of all.
        group: All of them; none where the process is alone.
    """

    device: torch.device
    rank: int = 0
    number: int = 1
    group: ProcessGroup | None = None

    def describe(self) -> str:
        """What a run is done on, in words."""
        if self.device.type == "cuda":
            return f"{self.number} x {torch.cuda.get_device_name(self.device)}"
        ranks = f"{self.number} ranks of " if self.group else ""
        return f"cpu, {ranks}{torch.get_num_threads()} threads of {os.cpu_count()}"

    def most(self, *values: int) -> list[int]:
        """The largest of each value over the ranks."""
        if self.group is None:
            return list(values)
        each = torch.tensor(values)
        distributed.all_reduce(each, ReduceOp.MAX, group=self.group)
        found: list[int] = each.tolist()
        return found

    def total(self, value: float) -> float:
        """The sum of a number over the ranks."""
        return float(all_over_ranks([torch.tensor(value, dtype=torch.float64)], self.group)[0])

    def first(self, function: Callable[[], T]) -> T:
        """What a function returns at rank 0, which alone calls it; an error there ends the others quietly."""
        given: list[Any] = [None]
        with self.together():
            if self.rank == 0:
                given = [function()]
        if self.group is not None:
            distributed.broadcast_object_list(given, src=0, group=self.group)
        result: T = given[0]
        return result

    @contextmanager
    def together(self) -> Iterator[None]:
        """A passage that all ranks leave by an error where one does: rank 0 raises it, the others end quietly.

        Raises:
            InputError: Another rank failed; the text says which, and how.
        """
        mine: OptimoeError | OSError | SystemExit | None = None
        try:
            yield
        except (OptimoeError, OSError, SystemExit) as error:
            mine = error
            if self.group is None:
                raise
        if self.group is None:
            return
        told: list[Any] = [None] * self.number
        distributed.all_gather_object(told, None if mine is None else _told(mine), group=self.group)
        failed = {rank: it for rank, it in enumerate(told) if it is not None}
        if not failed:
            return
        rank, (text, code) = min(failed.items())
        if self.rank:
            raise SystemExit(code) from None
        raise mine or InputError(f"rank {rank}: {text}") from None


@contextmanager
def joined(word: DeviceWord) -> Iterator[Ranks]:
    """This process among the ranks that ``torchrun`` started, or alone where it did not.

    Args:
        word: Of the device.

    Raises:
        ConfigError: A GPU is asked for, and this rank has none.
        InputError: Another rank is gone.
    """
    device = find_device(word)
    try:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
            backend = "gloo" if device.type == "cpu" else f"cpu:gloo,{device.type}:nccl"
            distributed.init_process_group(backend, timeout=PATIENCE)
            atexit.register(distributed.destroy_process_group)  # for all runs of this process: none can join twice
        yield _here(device) if distributed.is_initialized() else Ranks(device=device)
        if distributed.is_initialized():
            _part()
    except RuntimeError as error:
        text = str(error).strip()
        if isinstance(error, distributed.DistError) or any(word in text for word in _LOST):
            atexit.unregister(distributed.destroy_process_group)  # NCCL's would wait for who is gone
            if device.type == "cpu" and distributed.is_initialized():
                distributed.destroy_process_group()  # gloo's threads would abort the process where it ends
            rank = os.environ.get("RANK", "0")
            raise InputError(f"rank {rank}: another rank is gone ({text.splitlines()[0]})") from None
        raise


def _part() -> None:
    """Wait until all ranks are here: one that ends early closes connections from which another still reads."""
    with suppress(RuntimeError):  # this rank has done all that it had to: whoever is gone by now is not missed
        distributed.barrier()


_LOST = ("gloo", "Gloo", "Connection closed", "Connection reset", "NCCL")


def find_device(word: DeviceWord) -> torch.device:
    """The device of a word, and of several ranks on a machine this rank's own.

    Raises:
        ConfigError: A GPU is asked for, and there is none for this rank.
    """
    there, mine = torch.cuda.device_count(), int(os.environ.get("LOCAL_RANK", "0"))
    require(there > 0 or word != "cuda", "device", "auto or cpu on a machine without a GPU", word)
    if word == "cpu" or there == 0:
        return torch.device("cpu")
    require(mine < there, "ranks", f"at most {there} on this machine, one for each GPU", mine + 1)
    torch.cuda.set_device(mine)
    return torch.device("cuda", mine)


def _here(device: torch.device) -> Ranks:
    number = distributed.get_world_size()
    group = distributed.group.WORLD if number > 1 else None
    return Ranks(device=device, rank=distributed.get_rank(), number=number, group=group)


def _told(error: BaseException) -> tuple[str, int]:
    """What other ranks need to know of an error: its text and the exit status."""
    if isinstance(error, SystemExit):
        return "", int(error.code or 0)
    return str(error), getattr(error, "exit_code", 1)
