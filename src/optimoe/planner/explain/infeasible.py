"""Which limit binds when no design keeps all of them, and what would lift it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from optimoe.core.units import SECONDS_PER_HOUR, format_count, format_usd
from optimoe.cost.sizing.feasibility import explain_infeasible as explain_serving
from optimoe.cost.sizing.feasibility import feasibility
from optimoe.planner.designs import Column, Pool
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import Training


def explain_infeasible(problem: Problem, goal: LowestLoss | LeastCost, coarse: Mapping[Family, Pool]) -> str:
    """Say which limit binds where no design keeps all of them, and what would lift it."""
    coarse = {family: pool for family, pool in coarse.items() if pool.ranked.any()}
    if not any(pool.servable.any() for pool in coarse.values()):
        reached = [
            feasibility(pool.grid, deployment) for pool in coarse.values() for deployment in problem.deployments
        ]
        return explain_serving(reached, problem.limits)
    if not any(pool.possible.any() for pool in coarse.values()):
        return (
            f"train_gpus: no design that can be served fits in the training memory under any layout on "
            f"{_cluster_words(problem.training)}; state more --train-gpus"
        )
    pools = [pool for pool in coarse.values() if pool.possible.any()]
    if isinstance(goal, LowestLoss):
        return _unaffordable(problem, goal, pools)
    return _unreachable_loss(problem, goal, pools)


def _unaffordable(problem: Problem, goal: LowestLoss, pools: Sequence[Pool]) -> str:
    """The limit, of those that are stated, that no design of the lowest loss keeps."""
    most_usd, per_mtok = float(goal.total_usd), float(goal.usd_per_mtok)
    cheapest = min(float(pool.usd_per_mtok[pool.possible].min()) for pool in pools)
    if cheapest > per_mtok:
        return (
            f"usd_per_mtok: the limit of {format_usd(per_mtok)} binds; the cheapest design is served "
            f"at {format_usd(cheapest)} (--usd-per-mtok {cheapest * 1.01:.3g} would lift it)"
        )
    serving = min(float(pool.serve_usd[pool.possible].min()) for pool in pools)
    if serving >= most_usd:
        return (
            f"total_usd: the limit of {format_usd(most_usd)} binds; serving alone costs at least "
            f"{format_usd(serving)} (raise --total-usd or lower {_traffic_option(problem)})"
        )
    training, most = problem.training, max(float(np.max(pool.affordable_tokens[pool.possible])) for pool in pools)
    if most < 1:
        stated = training.budget_flops_about
        return (
            f"training budget: {format_count(stated)} FLOP bind; they train less than a token of any design "
            f"({format_count(stated / most)} would train one)"
        )
    stated_words = [
        f"{name} {format_usd(value)}"
        for name, value in (("total_usd", most_usd), ("usd_per_mtok", per_mtok))
        if math.isfinite(value)
    ]
    if not stated_words:
        return (
            "search: no design was found that is trained and served within all limits, though some keep each; "
            "narrow the space (--experts, --max-width)"
        )
    return f"{' and '.join(stated_words)}: no design keeps these limits together; raise one of them"


def _unreachable_loss(problem: Problem, goal: LeastCost, pools: Sequence[Pool]) -> str:
    flops = min(float(_budget_flops(pool, goal.max_loss)[pool.possible].min()) for pool in pools)
    if math.isinf(flops) and any(np.isfinite(pool.curve.tokens(goal.max_loss)).any() for pool in pools):
        return (
            f"unique_tokens: {format_count(problem.data.unique_tokens)} distinct tokens, however often repeated, "
            f"do not reach a loss of {goal.max_loss:.4f}; raise --unique-tokens or --target-loss"
        )
    if math.isinf(flops):
        floor = min(float(np.min(np.asarray(pool.curve.floor)[pool.possible])) for pool in pools)
        return (
            f"target_loss: {goal.max_loss:g} lies below {floor:.4f}, what the best design of the space "
            "reaches on infinite data under this law; raise --target-loss"
        )
    if flops > problem.training.budget_flops:
        return (
            f"train_flops: the budget of {format_count(problem.training.budget_flops)} FLOP binds; a loss of "
            f"{goal.max_loss:.4f} takes at least "
            f"{format_count(flops)} (--train-flops {flops * 1.01:.3g} would lift it)"
        )
    times = min(
        float((pool.tokens(goal.max_loss) / pool.affordable_tokens)[pool.possible].min()) for pool in pools
    )
    return (
        f"training budget: {problem.training.budget_gpu_s / SECONDS_PER_HOUR:,.0f} GPU hours bind; a loss of "
        f"{goal.max_loss:.4f} takes at least {times:.3g}× as many"
    )


def _budget_flops(pool: Pool, loss: float) -> Column:
    """FLOPs of the budget that reach a loss, those of routing among them."""
    training = pool.problem.training
    per_token = training.flops(pool.params_active, 1.0) + training.routing_flops(pool.params_router, 1.0)
    return np.asarray(per_token * pool.tokens(loss))


def _traffic_option(problem: Problem) -> str:
    return "--requests-per-s" if problem.traffic.rated else "--serve-tokens"


def _cluster_words(training: Training) -> str:
    assert training.run is not None  # without a cluster every design can be trained
    cluster = training.run.cluster
    return f"{cluster.num_gpus} × {cluster.accelerator.name}"
