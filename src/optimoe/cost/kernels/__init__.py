"""Where kernel times come from: curves fitted to measured kernels, or measured tables themselves."""

from optimoe.cost.kernels.silicon import Silicon
from optimoe.cost.kernels.source import FITTED, Fitted, KernelSource, find_kernels

__all__ = ["FITTED", "Fitted", "KernelSource", "Silicon", "find_kernels"]
