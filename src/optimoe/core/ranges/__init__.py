"""Plausible ranges of what people state, in one table, and the checks that name them."""

from optimoe.core.ranges.check import Range, require_range

__all__ = ["Range", "require_range"]
