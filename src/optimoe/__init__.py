"""Which Mixture-of-Experts language model to train for a budget and a traffic, and what it costs to serve."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimoe.arch.count import count
    from optimoe.cost.serving.estimate import predict_serving
    from optimoe.laws.fitting.fit import fit
    from optimoe.planner.plan import plan

__version__ = "0.1.0"
__all__ = ["__version__", "count", "fit", "plan", "predict_serving"]

_FRONT_DOORS = {
    "count": "optimoe.arch.count",
    "fit": "optimoe.laws.fitting.fit",
    "predict_serving": "optimoe.cost.serving.estimate",
    "plan": "optimoe.planner.plan",
}


def __getattr__(name: str) -> Any:
    """Load a front door when it is first used (PEP 562)."""
    if name in _FRONT_DOORS:
        return getattr(import_module(_FRONT_DOORS[name]), name)
    raise AttributeError(f"module 'optimoe' has no attribute {name!r}")
