"""How long a plan takes: many designs, two laws, two GPUs, draws of the law; and a plan with one input moved.

python benchmarks/plan_speed.py
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optimoe.cost.deployment.workload import Limits, Workload
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import list_price
from optimoe.cost.service.search import likely_layouts
from optimoe.cost.service.serving import Deployment
from optimoe.laws.catalog import find_loss_law
from optimoe.plan import known
from optimoe.plan.judge.robust import uncertainty
from optimoe.plan.question.problem import Problem
from optimoe.plan.question.space import Space
from optimoe.plan.question.training import Training
from optimoe.plan.solve import plan

BATCHES = 12
"""Batches that the search looks at for every design and layout."""


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
            accelerator=find_accelerator("h100-sxm"), price=list_price("h100-sxm"), budget_flops=6e22
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


def points(problem: Problem) -> int:
    """Designs × GPUs × layouts × batches of the coarse grid; the refinement adds to them."""
    shapes = problem.space.coarse()
    layouts = [
        len(likely_layouts(problem.space.designs({family: shapes}), one).tp)
        for family in problem.space.families()
        for one in problem.deployments
    ]
    return len(shapes.d_model) * sum(layouts) * BATCHES


def main() -> None:
    """Print seconds."""
    problem = question()
    plan(replace(problem, space=Space(num_experts=(1, 8), max_width=2048)))  # imports, tables
    known.forget()
    other = replace(problem, law=find_loss_law("zhao2025"))
    start = time.perf_counter()
    result = plan(problem)
    plan(other)
    uncertainty(result, draws=200)
    full = time.perf_counter() - start
    scored = points(problem)
    print(f"{scored:,} points, two laws, two GPUs, 200 draws: {full:.2f} s ({scored / full:,.0f} points/s)")
    usual = replace(problem, space=Space(), deployments=problem.deployments[:1])
    plan(usual)
    for name, moved in {
        "law": replace(usual, law=other.law),
        "demand": replace(usual, lifetime_tokens=1e12),
        "budget": replace(usual, training=replace(usual.training, budget_flops=3e22)),
        "serving price": replace(
            usual, deployments=(replace(usual.deployments[0], price=list_price("h200-sxm")),)
        ),
        "TPOT limit": replace(usual, deployments=(replace(usual.deployments[0], limits=Limits(tpot_s=0.03)),)),
    }.items():
        print(f"again with another {name}: {timed(lambda moved=moved: plan(moved)) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
