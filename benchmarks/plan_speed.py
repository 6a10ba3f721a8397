"""How long a plan of the default space takes, with draws of the law; and a plan with one input moved.

python benchmarks/plan_speed.py

Again: a search of the whole space with what the first one learned. Near: of the designs near the plan alone, for
inputs that are dragged. Each of these is a question that was not asked before.
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
from optimoe.planner.problem.training import PredictedMfu, Training, gpu_time_s, rule_batch


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


def with_price(problem: Problem, factor: float) -> Problem:
    """The question at other prices of serving."""
    price = problem.deployments[0].price
    moved = replace(price, usd_per_gpu_hour=factor * price.usd_per_gpu_hour)
    return replace(problem, deployments=tuple(replace(one, price=moved) for one in problem.deployments))


def with_budget(problem: Problem, factor: float) -> Problem:
    """The question with another training budget, and the batch of the run by the rule that goes with it."""
    asked = problem.training
    assert asked.run is not None
    batch, _ = rule_batch(factor * asked.budget_flops_about, asked.run.seq_len)
    run = replace(asked.run, batch_tokens=batch)
    return replace(problem, training=replace(asked, budget_gpu_s=factor * asked.budget_gpu_s, run=run))


def with_tpot(problem: Problem, factor: float) -> Problem:
    """The question with another limit on the time per token."""
    limits = Limits(tpot_s=problem.limits.tpot_s / factor)
    return replace(problem, deployments=tuple(replace(one, limits=limits) for one in problem.deployments))


MOVED: dict[str, Callable[[Problem, float], Problem]] = {
    "serving price": with_price,
    "budget": with_budget,
    "demand": lambda problem, factor: replace(problem, traffic=problem.traffic.scaled(factor)),
    "slack": lambda problem, factor: replace(problem, goal=NearBest(loss_slack=0.01 * factor)),
    "TPOT limit": with_tpot,
}
"""One input moved, by its name."""

OTHER_LAW = "ludziejewski2025"


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
    for name, moved in MOVED.items():
        asked = moved(problem, 1.2)
        print(f"again with another {name}: {timed(lambda asked=asked: choose(asked, memory)) * 1e3:.0f} ms")
    other = replace(problem, law=find_loss_law(OTHER_LAW))
    print(f"again with another law: {timed(lambda: choose(other, memory)) * 1e3:.0f} ms")
    near = [timed(lambda: choose(other, memory, near=True)) * 1e3 for _ in range(3)]
    print(f"near that plan, another law, three times: {', '.join(f'{ms:.0f}' for ms in near)} ms for the choice")
    plan(problem, memory)
    for name, moved in MOVED.items():
        up, down = ([moved(problem, 1 + way * step / 100) for step in range(1, 12)] for way in (1, -1))
        choices = [timed(lambda one=one: choose(one, memory, near=True)) * 1e3 for one in up]
        plans = [timed(lambda one=one: plan(one, memory, near=True)) * 1e3 for one in down]
        print(
            f"near that plan, another {name}: {np.median(choices):.0f} ms for the choice, "
            f"{np.median(plans):.0f} ms with rows and front (medians)"
        )


if __name__ == "__main__":
    main()
