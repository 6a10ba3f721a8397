"""The designs that Yun 2024 chooses from, priced: its shapes on one to eight A100 of 40 GB."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from optimoe.arch.design import one_expert_twin
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.cost.engines.engine import Engine
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.engines.reserve import Reserve
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.designs import Column, Pool, evaluate, under
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import Training
from optimoe.planner.published.designs import OF_TEXTS
from optimoe.planner.published.yun.serving import memory_bound
from optimoe.planner.published.yun.setting import EXPERTS, PAPER, YunSetting, yun_law

GPU = "a100-sxm-40gb"

HEAD_DIM, WIDTH_STEP = 48, 384
"""In steps of 384, 768 and 1536 of Table 1 among them, 8/3·d is whole. Heads are half as wide as there (768/8), so
that 8 GPUs divide them at every step: with a key-value head each, cache and arithmetic are the same."""

FFN_RATIO = 8 / 3
"""A gated MLP of 2.67·d (App. C), so that MLPs are 2/3 of a layer and one more expert adds N/3."""

MAX_WIDTH = 9_216
"""About 1e11 dense parameters: no optimum of a budget that is asked about lies beyond."""

USD_PER_GPU_HOUR = 1.0
"""Assumed: C_0 is not published, and cancels in all their claims."""

REQUEST = Workload(input_tokens=161, output_tokens=338)
"""ShareGPT's means as vLLM's paper states them (arXiv 2309.06180, Fig. 11); the text names the data set alone."""


def yun_problem(budget_flops: float, law: LossLaw, setting: YunSetting = PAPER) -> Problem:
    """Set their problem up: up to eight A100 of 40 GB, top-2 routing, experts of 2.67·d.

    Args:
        budget_flops: The training budget, 6·N·D of the dense twin.
        law: The law of the loss.
        setting: How designs are made and priced.
    """
    # 16 of these GPUs stand in one node of Google's a2-megagpu-16g
    gpu = replace(find_accelerator(GPU), gpus_per_node=max(8, *setting.gpus))
    price = given_price(USD_PER_GPU_HOUR)
    engine = Engine(execution=Execution(precision=setting.precision), reserve=Reserve())  # they know of none
    if not setting.engine_takes_time:
        engine = replace(
            engine, host=HostTimes(front_s=engine.host.front_s, step_s=0.0, request_s=0.0, launch_s=0.0)
        )
    attention: dict[str, Any] = {"num_kv_heads": (setting.kv_heads,)} if setting.kv_heads else {}
    space = replace(
        OF_TEXTS,
        num_experts=EXPERTS,
        top_k=(2,),
        ffn_ratio=(FFN_RATIO,),
        dense_ffn_ratio=(FFN_RATIO,),
        width_step=WIDTH_STEP,
        depth_step=2,  # even: those that route every second layer differ in nothing else
        attention=("gqa" if setting.kv_heads else "mha",),
        min_aspect=setting.aspects[0],
        max_aspect=setting.aspects[1],
        head_dim=HEAD_DIM,
        max_width=MAX_WIDTH,
        moe_every=(1 if setting.every_layer else 2,),
        dense_layer_width="expert",
        **attention,
    )
    return Problem(
        training=Training(
            accelerator=gpu,
            price=price,
            budget_flops=budget_flops,
            routing_flops_per_weight=TRAIN_FLOPS_PER_PARAM_TOKEN,  # theirs is 6·N·D and nothing beside
        ),
        deployments=tuple(
            Deployment(
                cluster=Cluster(accelerator=gpu, num_gpus=num_gpus), workload=REQUEST, price=price, engine=engine
            )
            for num_gpus in setting.gpus
        ),
        traffic=Traffic(lifetime_tokens=0.0),
        law=law,
        goal=LowestLoss(),
        space=space,
    )


def yun_pools(budget_flops: float, law: LossLaw, setting: YunSetting = PAPER) -> dict[int, Pool]:
    """Every width and depth of each number of experts under a law, sizes counted as theirs.

    Designs are priced once for a setting; laws and budgets then share them.
    """
    priced = _priced(setting)
    pools = {experts: under(pool, law) for experts, pool in priced.items()}
    return {experts: with_budget(pool, budget_flops) for experts, pool in pools.items()}


def with_budget(pool: Pool, budget_flops: float) -> Pool:
    """Put the same designs under another training budget."""
    problem = pool.problem
    return replace(pool, problem=replace(problem, training=replace(problem.training, budget_flops=budget_flops)))


@cache
def _priced(setting: YunSetting) -> dict[int, Pool]:
    problem = yun_problem(1.0, yun_law("ludziejewski2025"), setting)  # the law and the budget are replaced
    pools = evaluate(problem, problem.space.members(problem.space.every()))
    return {family.num_experts: as_theirs(pool, setting) for family, pool in pools.items()}


def as_theirs(pool: Pool, setting: YunSetting) -> Pool:
    """A pool with sizes counted as theirs, and prices by memory alone where the setting says so."""
    pool = replace(pool, params_active=_counted(pool.grid, setting))
    return memory_bound(pool) if setting.memory_bound else pool


def _counted(grid: ArchSpec, setting: YunSetting) -> Column:
    """Yun's N: the dense twin without embeddings; or what a token touches of it."""
    if setting.counts_active:
        return np.asarray(count_params(grid).active_nonembedding, dtype=float)
    return np.asarray(count_params(one_expert_twin(grid)).nonembedding, dtype=float)
