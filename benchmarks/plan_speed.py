"""How long a plan takes: many designs, two laws, two GPUs, draws of the law; and a plan with one input moved.

python benchmarks/plan_speed.py
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import list_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing import layouts as search
from optimoe.cost.training import search as training
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.confidence.uncertainty import uncertainty
from optimoe.planner.plan import plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import PredictedMfu, Training, gpu_time_s


def question() -> Problem:
    """Twelve families on two kinds of GPUs."""
    deployments = tuple(
        Deployment(
            cluster=Cluster(accelerator=find_accelerator(name), num_gpus=8),
            workload=Workload(),
            limits=Limits(tpot_s=0.05),
            price=list_price(name),
        )
        for name in ("h100-sxm", "h200-sxm")
    )
    return Problem(
        training=Training(
            accelerator=find_accelerator("h100-sxm"),
            price=list_price("h100-sxm"),
            utilisation=PredictedMfu(),
            run=TrainRun(cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=64)),
            budget_gpu_s=gpu_time_s(64, 30),
        ),
        deployments=deployments,
        lifetime_tokens=5e12,
        law=find_loss_law("ludziejewski2025"),
        space=Space(num_experts=(1, 2, 4, 8, 16, 32, 64, 128, 256), top_k=(1, 2, 4, 8), ffn_ratio=(3.0, 1.5)),
    )


def timed(call: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


class Scored:
    """Counts the points that the searches score: a design in a layout on some GPUs at a batch, or in training."""

    def __init__(self) -> None:
        self.points = 0

    def __enter__(self) -> "Scored":
        self._serve, self._train = search.evaluate, training.train_step

        def serve(*args: Any, **kwargs: Any) -> Any:
            estimate = self._serve(*args, **kwargs)
            self.points += np.size(estimate.tpot_s)
            return estimate

        def train(*args: Any, **kwargs: Any) -> Any:
            step = self._train(*args, **kwargs)
            self.points += np.size(step.total_s)
            return step

        search.evaluate, training.train_step = serve, train
        return self

    def __exit__(self, *_: object) -> None:
        search.evaluate, training.train_step = self._serve, self._train


def main() -> None:
    """Print seconds."""
    problem = question()
    plan(replace(problem, space=Space(num_experts=(1, 8), max_width=2048)))  # imports, tables
    other = replace(problem, law=find_loss_law("zhao2025"))
    start = time.perf_counter()
    memory = PricedGrids()
    result = plan(problem, memory)
    plan(other, memory)
    uncertainty(result, 200, memory)
    full = time.perf_counter() - start
    with Scored() as scored:
        memory = PricedGrids()
        plan(problem, memory)
        plan(other, memory)
        uncertainty(result, 200, memory)
    rate = scored.points / full
    print(f"{scored.points:,} points, two laws, two GPUs, 200 draws: {full:.2f} s ({rate:,.0f} points/s)")
    usual = replace(problem, space=Space(), deployments=problem.deployments[:1])
    plan(usual)
    for name, moved in {
        "law": replace(usual, law=other.law),
        "demand": replace(usual, lifetime_tokens=1e12),
        "utilisation": replace(
            usual, training=replace(usual.training, utilisation=usual.training.utilisation.scaled(0.9))
        ),
        "budget": replace(usual, training=replace(usual.training, budget_gpu_s=gpu_time_s(64, 15))),
        "serving price": replace(
            usual, deployments=(replace(usual.deployments[0], price=list_price("h200-sxm")),)
        ),
        "TPOT limit": replace(usual, deployments=(replace(usual.deployments[0], limits=Limits(tpot_s=0.03)),)),
    }.items():
        print(f"again with another {name}: {timed(lambda moved=moved: plan(moved)) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
