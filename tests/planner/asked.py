"""Problems that the tests of the planner ask, and their answers by brute force."""

from dataclasses import replace
from functools import cache

from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.cost.training.estimate import TrainRun
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.confidence.robust import assess
from optimoe.planner.designs import evaluate
from optimoe.planner.plan import plan
from optimoe.planner.pricing import SHARED
from optimoe.planner.problem.goal import NearBest
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import PredictedMfu, Training, gpu_time_s
from optimoe.planner.search.objective import tokens_and_objective

H100 = find_accelerator("h100-sxm")


LAW = cache(find_loss_law)
"""One object for each law, so that its draws are made once."""
PLAIN = Space(
    num_experts=(1, 2, 4, 8, 16, 32),
    top_k=(1,),
    max_active_share=1.0,
    ffn_ratio=(3.0,),
    dense_ffn_ratio=(3.0,),
    num_shared_experts=(0,),
    attention=("gqa",),
    first_dense_layers=(0,),
    min_aspect=64.0,
    vocab_size=50_304,
    width_step=1024,
    depth_step=1,
)
"""Experts of one width, none shared, one kind of attention, one pattern: few families, and every depth of each."""


def plain(**stated):
    """The plain space with other values."""
    return replace(PLAIN, **stated)


SMALL = plain(num_experts=(1, 4, 16), max_width=5120)


def problem(
    flops=1e22,
    goal=None,
    space=SMALL,
    limits=None,
    serve_tokens=1e12,
    law="ludziejewski2025",
    scored=(),
    also=(),
    allow_unsound=False,
    **prices,
):
    return Problem(
        training=Training(accelerator=H100, price=given_price(prices.get("train_usd", 2.0)), budget_flops=flops),
        deployments=(
            Deployment(
                cluster=Cluster(accelerator=H100, num_gpus=8),
                workload=Workload(),
                limits=limits or Limits(tpot_s=0.05),
                price=given_price(prices.get("serve_usd", 2.0)),
            ),
        ),
        traffic=Traffic(lifetime_tokens=serve_tokens),
        law=LAW(law),
        goal=goal or NearBest(),
        space=space,
        scored=scored,
        also=also,
        allow_unsound=allow_unsound,
    )


def every_pool(asked, memory=SHARED):
    """Every width and every depth of every family, priced: no search."""
    return evaluate(asked, asked.space.all_members(), memory)


def every_design(asked):
    """The designs of :func:`every_pool`, a pool a family."""
    return tuple(every_pool(asked).values())


def brute_force(pools, goal):
    """The best that any of the designs of :func:`every_design` does."""
    return min(tokens_and_objective(pool, goal)[1].min() for pool in pools)


@cache
def large_plan():
    """A plan of five trillion tokens of answers, and how sure it is."""
    result = plan(problem(6e22, serve_tokens=5e12))
    return result, assess(result, draws=16)


def on(num_gpus, days=20.0, gpu=H100, **stated):
    run = TrainRun(cluster=Cluster(accelerator=gpu, num_gpus=num_gpus))
    training = Training(
        accelerator=gpu, price=given_price(2.0), utilisation=PredictedMfu(), run=run,
        budget_gpu_s=gpu_time_s(num_gpus, days),
    )  # fmt: skip
    return replace(problem(), training=replace(training, **stated))


@cache
def small_plan():
    """The plan of the problem as it stands, made once for all tests that read one."""
    return plan(problem())


@cache
def predicted_plan():
    """The plan of twenty days on 64 GPUs, whose utilisation is predicted."""
    return plan(on(64))
