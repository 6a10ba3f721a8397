"""The deployments that stand behind the engines' coefficients: ``data/coverage.toml``, of a benchmark."""

from functools import cache

from optimoe.core.config import build, load_facts
from optimoe.cost.engines.measured import Measured, Range


@cache
def shipped_coverage() -> tuple[Measured, ...]:
    """The deployments that the shipped coefficients were fitted on, by GPU, precision and engine."""
    rows = load_facts("optimoe.cost", "coverage.toml")["deployment"]
    return tuple(build(Measured, row, where="coverage.toml") for row in rows)


def whole_range(rows: tuple[Measured, ...], name: str) -> Range:
    """The range from the least to the most over all of the rows."""
    ranges = [getattr(row, name) for row in rows]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def years(rows: tuple[Measured, ...]) -> str:
    """The years of the engines that were measured: 2025–26."""
    eras = sorted({era for row in rows for era in row.eras})
    if not eras:
        return ""
    return eras[0] if eras[0] == eras[-1] else f"{eras[0]}–{eras[-1][2:]}"
