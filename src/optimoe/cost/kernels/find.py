"""Sources of kernel times by name."""

from functools import cache

from optimoe.core.errors import UnknownNameError
from optimoe.cost.kernels.calls import KernelSource
from optimoe.cost.kernels.fitted import FITTED
from optimoe.cost.kernels.measured.source import Silicon

KERNEL_SOURCES = ("fitted", "silicon")


@cache
def find_kernels(name: str) -> KernelSource:
    """A source by name: ``fitted``, ``silicon``, or ``silicon:ENGINE`` (vllm, sglang, trtllm).

    Raises:
        UnknownNameError: No such source or engine.
        InputError: The extra ``silicon`` is not installed.
    """
    kind, _, engine = name.partition(":")
    if kind == "silicon":
        return Silicon(engine=engine) if engine else Silicon()
    if name != FITTED.name:
        raise UnknownNameError("kernels", name, KERNEL_SOURCES)
    return FITTED
