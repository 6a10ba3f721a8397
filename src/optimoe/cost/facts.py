"""Values of the cost model's tables of constants, each of which carries its basis and source there."""

from typing import Any

from optimoe.core.config import load_facts

OPERATORS = ("gemm", "experts", "prefill_attention", "decode_attention", "elementwise", "collective")
"""Families of kernels, each with its table of curves: ``data/operators/``."""


def efficiency(name: str) -> float:
    """One value of ``efficiency.toml``."""
    return float(load_facts("optimoe.cost", "efficiency.toml")[name]["value"])


def operator_table(family: str) -> dict[str, Any]:
    """The curves of a family by kind and architecture, with ``basis`` and ``source``: ``data/operators/``."""
    return load_facts("optimoe.cost", f"operators/{family}.toml")
