"""Plausible ranges of what people state, in one table, and the checks that name them."""

from optimoe.core.ranges.check import Range, require_range
from optimoe.core.ranges.table import RANGES

__all__ = ["RANGES", "Range", "require_range"]
