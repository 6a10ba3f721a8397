"""Single values of the cost model's tables of constants, each of which carries its basis and source there."""

from optimoe.core.config import load_facts


def efficiency(name: str) -> float:
    """One value of ``efficiency.toml``."""
    return float(load_facts("optimoe.cost", "efficiency.toml")[name]["value"])
