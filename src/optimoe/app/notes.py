"""What a person must know beside an answer, one line each."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.engines.engine import Engine
    from optimoe.cost.hardware.accelerator import Accelerator
    from optimoe.cost.hardware.price import GpuPrice
    from optimoe.cost.serving.workload import Workload
    from optimoe.inputs.groups.engine import EngineChoice
    from optimoe.inputs.groups.hardware import PriceSheet


def _to_screen(message: str) -> None:
    print(f"optimoe: {message}", file=sys.stderr)


LISTENER: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_to_screen)
"""Who is told."""


def warn(message: str) -> None:
    """Say one line beside an answer: on standard error, or to who listens."""
    LISTENER.get()(message)


@contextmanager
def heard() -> Iterator[list[str]]:
    """What is said inside as a list, in place of standard error."""
    found: list[str] = []
    before = LISTENER.set(found.append)
    try:
        yield found
    finally:
        LISTENER.reset(before)


def is_on_screen() -> bool:
    """Whether lines go to standard error, and nobody else listens."""
    return LISTENER.get() is _to_screen


def warn_without_price(accelerator: str, price: "GpuPrice", sheet: "PriceSheet") -> None:
    """Say that dollars are not known, where no price of a GPU hour is, and what a price sheet in use lacks."""
    if isnan(price.usd_per_gpu_hour):
        warn(f"{price.source}: dollars are not known")
        return
    gap = sheet.gap(accelerator)
    if gap and gap in price.source:
        warn(f"--prices: {gap}; its list price is taken")


def warn_beyond_context(arch: "ArchSpec", workload: "Workload") -> None:
    """Say where requests are longer than a model was made for."""
    from optimoe.cost.serving.workload import beyond_context

    beyond = beyond_context(arch, workload)
    if beyond:
        warn(beyond)


def warn_of_formats(served: "ArchSpec") -> None:
    """Say what must be known of how a model was read, and of where its formats are from or what its name says."""
    from optimoe.cost.engines.formats import format_warning

    if served.note:
        warn(f"{served.name}: {served.note}")
    if warning := format_warning(served):
        warn(f"{served.name}: {warning}")


def warn_of_share(asked: "EngineChoice", engine: "Engine") -> None:
    """Say where an engine loads the weights at the share of memory of its later releases only."""
    if asked.memory_share is None and engine.memory_share:
        own, later = engine.reserve.memory_share, engine.memory_share
        warn(f"memory: weights do not load at {engine.name}'s {own:g}; later releases' {later:g} is taken")


def warn_of_notes(accelerator: "Accelerator") -> None:
    """Say what must be known of an accelerator: which one a name was read as, and what its figures leave open."""
    if accelerator.notes:
        warn(f"gpu {accelerator.name}: {accelerator.notes}")
