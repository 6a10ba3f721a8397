"""Sources of kernel times by name."""

from functools import cache

from optimoe.core.errors import UnknownNameError
from optimoe.cost.kernels.calls import KernelSource
from optimoe.cost.kernels.fitted import ENGINES, FITTED, FITTED_NAME, LOOPED, Fitted
from optimoe.cost.kernels.measured.source import Silicon

KERNEL_SOURCES = (FITTED_NAME, "silicon")


@cache
def find_kernels(name: str) -> KernelSource:
    """A source by name: ``fitted`` or ``silicon``, or of one engine, ``fitted:vllm`` (or sglang, trtllm).

    Raises:
        UnknownNameError: No such source or engine.
        InputError: The extra ``silicon`` is not installed.
    """
    kind, _, engine = name.partition(":")
    if kind == "silicon":
        return Silicon(engine=engine) if engine else Silicon()
    if kind != FITTED_NAME:
        raise UnknownNameError("kernels", name, KERNEL_SOURCES)
    return Fitted(engine=engine) if engine else FITTED


def kernels_of(kernels: str, engine: str) -> str:
    """The name of a source as an engine takes it: fitted curves are its own where its kernels were measured.

    A name that says whose kernels they are stands, and so do measured tables.
    """
    return f"{kernels}:{engine}" if kernels == FITTED_NAME and engine in (*ENGINES, *LOOPED) else kernels
