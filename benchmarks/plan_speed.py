"""How long a plan of the default space takes, with draws of the law; and a plan with one input moved.

python benchmarks/plan_speed.py
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import list_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.sizing import layouts as search
from optimoe.cost.training import search as training
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.confidence.robust import assess
from optimoe.planner.plan import choose, plan
from optimoe.planner.pricing import PricedGrids
from optimoe.planner.problem.goal import NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import PredictedMfu, Training, gpu_time_s


def question() -> Problem:
    """The default space on one to 64 GPUs of one kind, in bf16 and fp8: what a plan without options searches."""
    gpu = find_accelerator("h100-sxm")
    deployments = tuple(
        Deployment(
            cluster=Cluster(accelerator=gpu, num_gpus=2**power),
            workload=Workload(),
            limits=Limits(tpot_s=0.05),
            price=list_price(gpu.name),
            engine=find_engine("vllm", precision=precision),
        )
        for power in range(7)
        for precision in ("bf16", "fp8")
    )
    return Problem(
        training=Training(
            accelerator=gpu,
            price=list_price(gpu.name),
            utilisation=PredictedMfu(),
            run=TrainRun(cluster=Cluster(accelerator=gpu, num_gpus=256)),
            budget_gpu_s=gpu_time_s(256, 30),
        ),
        deployments=deployments,
        traffic=Traffic(lifetime_tokens=5e12),
        law=find_loss_law("optimoe2026"),
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
        self._serve, self._train = search.evaluate_at, training.train_step

        def serve(*args: Any, **kwargs: Any) -> Any:
            estimate = self._serve(*args, **kwargs)
            self.points += np.size(estimate.tpot_s)
            return estimate

        def train(*args: Any, **kwargs: Any) -> Any:
            step = self._train(*args, **kwargs)
            self.points += np.size(step.total_s)
            return step

        search.evaluate_at, training.train_step = serve, train
        return self

    def __exit__(self, *_: object) -> None:
        search.evaluate_at, training.train_step = self._serve, self._train


def main() -> None:
    """Print seconds."""
    problem = question()
    plan(replace(problem, space=Space(num_experts=(1, 8), max_width=1024)))  # imports, tables
    memory = PricedGrids()
    start = time.perf_counter()
    with Scored() as scored:
        result = plan(problem, memory)
    planned = time.perf_counter() - start
    drawn = timed(lambda: assess(result, 200, memory))
    trace = result.trace
    print(f"{trace.points:,} points: plan {planned:.2f} s, 200 draws and every input moved {drawn:.2f} s")
    print(f"{trace.listed:,} losses, {trace.priced_points:,} points priced by {scored.points:,} layouts × batches")
    training, deployments = problem.training, problem.deployments
    dearer = replace(deployments[0].price, usd_per_gpu_hour=1.3 * deployments[0].price.usd_per_gpu_hour)
    for name, moved in {
        "law": replace(problem, law=find_loss_law("ludziejewski2025")),
        "demand": replace(problem, traffic=problem.traffic.scaled(2.0)),
        "slack": replace(problem, goal=NearBest(loss_slack=0.02)),
        "budget": replace(problem, training=replace(training, budget_gpu_s=gpu_time_s(256, 25))),
        "serving price": replace(problem, deployments=tuple(replace(one, price=dearer) for one in deployments)),
        "TPOT limit": replace(
            problem, deployments=tuple(replace(one, limits=Limits(tpot_s=0.03)) for one in deployments)
        ),
    }.items():
        print(f"again with another {name}: {timed(lambda moved=moved: choose(moved, memory)) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
