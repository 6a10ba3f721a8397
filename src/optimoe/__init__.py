"""Which Mixture-of-Experts language model to train for a budget and a traffic, and what it costs to serve."""

TYPE_CHECKING = False  # as type checkers read it; importing it would take most of what this module takes to load
if TYPE_CHECKING:
    from typing import Any

    from optimoe.app.doors import (
        check_latencies,
        compare_laws,
        compare_models,
        count,
        decide_by_laws,
        draw_curves,
        fit,
        load_config,
        measure,
        plan,
        predict_by_law,
        predict_serving,
        size_fleet,
        sweep,
        train,
    )
    from optimoe.arch.catalog import find_model
    from optimoe.arch.count import ArchCount
    from optimoe.arch.spec import ArchSpec
    from optimoe.core.errors import InfeasibleError, InputError, OptimoeError
    from optimoe.cost.calibration import find_calibration
    from optimoe.cost.engines.engine import Engine, find_engine
    from optimoe.cost.hardware.accelerator import Accelerator, Cluster, find_accelerator
    from optimoe.cost.hardware.price import GpuPrice, given_price, list_price
    from optimoe.cost.kernels.spread import RoutingSkew
    from optimoe.cost.layers.execution import Execution
    from optimoe.cost.layers.layout import Layout
    from optimoe.cost.serving.estimate import Deployment, ServingEstimate
    from optimoe.cost.serving.workload import Limits, Workload
    from optimoe.cost.training.estimate import TrainRun
    from optimoe.laws.catalog import find_law, find_loss_law
    from optimoe.laws.fitting import Fit, FitOptions
    from optimoe.laws.runs import Observations, load_observations
    from optimoe.planner.problem.data import Data
    from optimoe.planner.problem.goal import LeastCost, LowestLoss, NearBest
    from optimoe.planner.problem.problem import Problem
    from optimoe.planner.problem.space import Space
    from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training
    from optimoe.planner.result import Plan

__version__ = "0.1.0"

_PUBLIC = {
    # doors
    "count": "optimoe.app.doors",
    "fit": "optimoe.app.doors",
    "load_config": "optimoe.app.doors",
    "measure": "optimoe.app.doors",
    "plan": "optimoe.app.doors",
    "predict_serving": "optimoe.app.doors",
    "train": "optimoe.app.doors",
    "check_latencies": "optimoe.app.doors",
    "compare_laws": "optimoe.app.doors",
    "compare_models": "optimoe.app.doors",
    "decide_by_laws": "optimoe.app.doors",
    "draw_curves": "optimoe.app.doors",
    "predict_by_law": "optimoe.app.doors",
    "size_fleet": "optimoe.app.doors",
    "sweep": "optimoe.app.doors",
    # the question of a plan
    "Problem": "optimoe.planner.problem.problem",
    "Training": "optimoe.planner.problem.training",
    "GivenMfu": "optimoe.planner.problem.training",
    "PredictedMfu": "optimoe.planner.problem.training",
    "Space": "optimoe.planner.problem.space",
    "Data": "optimoe.planner.problem.data",
    "LeastCost": "optimoe.planner.problem.goal",
    "LowestLoss": "optimoe.planner.problem.goal",
    "NearBest": "optimoe.planner.problem.goal",
    # serving and training on hardware
    "Deployment": "optimoe.cost.serving.estimate",
    "Cluster": "optimoe.cost.hardware.accelerator",
    "Accelerator": "optimoe.cost.hardware.accelerator",
    "GpuPrice": "optimoe.cost.hardware.price",
    "Workload": "optimoe.cost.serving.workload",
    "Limits": "optimoe.cost.serving.workload",
    "Layout": "optimoe.cost.layers.layout",
    "Engine": "optimoe.cost.engines.engine",
    "Execution": "optimoe.cost.layers.execution",
    "RoutingSkew": "optimoe.cost.kernels.spread",
    "TrainRun": "optimoe.cost.training.estimate",
    # models, laws, runs
    "ArchSpec": "optimoe.arch.spec",
    "Observations": "optimoe.laws.runs",
    "FitOptions": "optimoe.laws.fitting",
    # things by name, or from files
    "find_accelerator": "optimoe.cost.hardware.accelerator",
    "find_calibration": "optimoe.cost.calibration",
    "find_engine": "optimoe.cost.engines.engine",
    "find_law": "optimoe.laws.catalog",
    "find_loss_law": "optimoe.laws.catalog",
    "find_model": "optimoe.arch.catalog",
    "given_price": "optimoe.cost.hardware.price",
    "list_price": "optimoe.cost.hardware.price",
    "load_observations": "optimoe.laws.runs",
    # what the doors give
    "ArchCount": "optimoe.arch.count",
    "Fit": "optimoe.laws.fitting",
    "Plan": "optimoe.planner.result",
    "ServingEstimate": "optimoe.cost.serving.estimate",
    # what they raise
    "InfeasibleError": "optimoe.core.errors",
    "InputError": "optimoe.core.errors",
    "OptimoeError": "optimoe.core.errors",
}
"""Every public name and the module that defines it, which is loaded when the name is first used (PEP 562)."""

__all__ = [
    "Accelerator",
    "ArchCount",
    "ArchSpec",
    "Cluster",
    "Data",
    "Deployment",
    "Engine",
    "Execution",
    "Fit",
    "FitOptions",
    "GivenMfu",
    "GpuPrice",
    "InfeasibleError",
    "InputError",
    "Layout",
    "LeastCost",
    "Limits",
    "LowestLoss",
    "NearBest",
    "Observations",
    "OptimoeError",
    "Plan",
    "PredictedMfu",
    "Problem",
    "RoutingSkew",
    "ServingEstimate",
    "Space",
    "TrainRun",
    "Training",
    "Workload",
    "__version__",
    "check_latencies",
    "compare_laws",
    "compare_models",
    "count",
    "decide_by_laws",
    "draw_curves",
    "find_accelerator",
    "find_calibration",
    "find_engine",
    "find_law",
    "find_loss_law",
    "find_model",
    "fit",
    "given_price",
    "list_price",
    "load_config",
    "load_observations",
    "measure",
    "plan",
    "predict_by_law",
    "predict_serving",
    "size_fleet",
    "sweep",
    "train",
]


def __getattr__(name: str) -> "Any":
    """Load a public name when it is first used."""
    if name in _PUBLIC:
        from importlib import import_module

        value = getattr(import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'optimoe' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for tab completion."""
    return sorted(__all__)
