"""Yun et al. 2024 (arXiv 2404.02852): its two searches as reference solvers, asked of other laws.

No coefficient of its loss law and no latency table was published. Its questions are asked here of laws that were,
with its own count of the budget, 6·N·D with N of the dense twin without embeddings, so that further experts train
for nothing. Designs are theirs: top-2 routing in every second layer, a key-value head for each head, one to eight
A100 of 40 GB, whichever is cheapest; prices are those of the cost model.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimoe.arch.design import one_expert_twin
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.designs import Column, Pool, evaluate
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.kinds import DenseLayerWidth
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import Training

EXPERTS = (1, 4, 8, 16, 32)
"""Numbers of experts that are compared; 1 is dense."""

BASE = 4
"""Experts of the loss-optimal model that the others are compared with, as most of their claims do."""

LAWS = ("ludziejewski2025", "zhao2025")
"""Laws of a whole training run in N, D and E, with published coefficients."""

WIDTH_STEP = 512
"""Step of d_model: four key-value heads of 128."""

GPUS = (1, 2, 4, 8)
"""GPUs of one instance, of which the cheapest number counts (eq. 5: the minimum over G)."""


@dataclass(frozen=True, kw_only=True)
class YunDesign:
    """One design of a pool, trained on the whole budget.

    Attributes:
        index: Its place in the pool.
        params: Parameters of its dense twin, without embeddings: Yun's N.
        loss: Nats per token after the budget's tokens.
        usd_per_mtok: Its serving price.
    """

    index: int
    params: float
    loss: float
    usd_per_mtok: float


def loss_optimal(pool: Pool) -> YunDesign:
    """The lowest loss of the budget.

    Raises:
        InfeasibleError: The law may rank no design of the family.
    """
    if not pool.ranked.any():
        raise InfeasibleError(f"law {pool.problem.law.row.name}: {pool.standing.reason}")
    return _design(pool, int(np.where(pool.possible, _losses(pool), np.inf).argmin()))


def equal_quality(pool: Pool, loss: float) -> YunDesign:
    """The smallest design that reaches a loss with the whole budget: over-trained. Their first search.

    They bisect on N, which supposes that the loss falls with N up to the optimum; here all shapes are looked at.

    Raises:
        InfeasibleError: No design of the family reaches it.
    """
    reached = pool.possible & (_losses(pool) <= loss)
    if not reached.any():
        raise InfeasibleError(
            f"loss: {loss:.4f} is not reached with {pool.family.num_experts} experts in this budget"
        )
    return _design(pool, int(np.where(reached, pool.params_active, np.inf).argmin()))


def equal_cost(pool: Pool, usd_per_mtok: float) -> YunDesign:
    """The lowest loss of designs that are served for so much, trained on the whole budget. Their second search.

    Raises:
        InfeasibleError: No design of the family is served for so little.
    """
    kept = pool.possible & (pool.usd_per_mtok <= usd_per_mtok)
    if not kept.any():
        raise InfeasibleError(
            f"usd_per_mtok: {usd_per_mtok:.3g} is below every design of {pool.family.num_experts} experts"
        )
    return _design(pool, int(np.where(kept, _losses(pool), np.inf).argmin()))


def training_share(pool: Pool, other: Pool, loss: float) -> float:
    """FLOPs with which a family reaches a loss over those of another, each at its own best size."""
    return _least_flops(pool, loss) / _least_flops(other, loss)


@dataclass(frozen=True, kw_only=True)
class YunSpace(Space):
    """Their designs: layers that do not route are as wide as one expert, d_model in their steps."""

    dense_layer_width: DenseLayerWidth = "expert"

    @property
    def width_step(self) -> int:
        """Widths are multiples of 512, whatever the key-value heads, so that variants differ in one thing."""
        return WIDTH_STEP


def yun_problem(budget_flops: float, law: LossLaw, *, every_layer: bool = False, kv_heads: int = 0) -> Problem:
    """Set their problem up: up to eight A100 of 40 GB, top-2 routing, experts of 2.67·d, shapes in steps of 512.

    Args:
        budget_flops: The training budget, 6·N·D of the dense twin.
        law: The law of the loss.
        every_layer: Whether experts stand in every layer, not in every second one as theirs.
        kv_heads: Key-value heads; 0, as theirs: one for each head.
    """
    gpu = find_accelerator("a100-sxm-40gb")
    price = given_price(1.0)
    deployments = tuple(
        Deployment(
            cluster=Cluster(accelerator=gpu, num_gpus=num_gpus),
            workload=Workload(input_tokens=161, output_tokens=338),
            price=price,
        )
        for num_gpus in GPUS
    )
    attention: dict[str, Any] = {"num_kv_heads": (kv_heads,)} if kv_heads else {"attention": ("mha",)}
    space = YunSpace(
        num_experts=EXPERTS,
        top_k=(2,),
        ffn_ratio=(8 / 3,),
        max_width=8192,
        moe_every=(1 if every_layer else 2,),
        **attention,
    )
    return Problem(
        training=Training(accelerator=gpu, price=price, budget_flops=budget_flops),
        deployments=deployments,
        lifetime_tokens=0.0,
        law=law,
        goal=LowestLoss(),
        space=space,
    )


def yun_pools(
    budget_flops: float, law: LossLaw, *, every_layer: bool = False, kv_heads: int = 0
) -> dict[int, Pool]:
    """Every width and depth of each number of experts, in steps of 512, sizes counted as theirs."""
    problem = yun_problem(budget_flops, law, every_layer=every_layer, kv_heads=kv_heads)
    pools = evaluate(problem, problem.space.members(problem.space.every()))
    return {
        family.num_experts: replace(
            pool, params_active=np.asarray(count_params(one_expert_twin(pool.grid)).nonembedding, dtype=float)
        )
        for family, pool in pools.items()
    }


@dataclass(frozen=True, kw_only=True)
class YunAnswer:
    """Answers to their questions for one number of experts; NaN where no design does it or the law ranks none.

    Attributes:
        law, flops, experts: The law, the budget and the number of experts.
        params, tokens: Size and tokens of the lowest loss; N as they count it.
        loss, usd_per_mtok: The lowest loss and its serving price.
        over_trained: The smallest N with the loss of the loss-optimal four experts, the whole budget spent, over
            its own ``params``.
        equal_quality_cost: Its serving price over that of the loss-optimal four experts.
        equal_cost_loss: The lowest loss at the serving price of the loss-optimal four experts.
    """

    law: str
    flops: float
    experts: int
    params: float
    tokens: float
    loss: float
    usd_per_mtok: float
    over_trained: float
    equal_quality_cost: float
    equal_cost_loss: float


def yun_answers(laws: Mapping[str, Mapping[float, Mapping[int, Pool]]]) -> list[YunAnswer]:
    """Answer their questions: for every law, budget and number of experts, from the pools of each."""
    return [
        _answer(name, budget, pools, experts)
        for name, budgets in laws.items()
        for budget, pools in sorted(budgets.items())
        for experts in EXPERTS
    ]


def _answer(law: str, flops: float, pools: Mapping[int, Pool], experts: int) -> YunAnswer:
    own, four = _or_none(lambda: loss_optimal(pools[experts])), loss_optimal(pools[BASE])
    own = own or YunDesign(index=-1, params=math.nan, loss=math.nan, usd_per_mtok=math.nan)
    smallest = _or_none(lambda: equal_quality(pools[experts], four.loss))
    alike = _or_none(lambda: equal_cost(pools[experts], four.usd_per_mtok))
    return YunAnswer(
        law=law,
        flops=flops,
        experts=experts,
        params=own.params,
        tokens=flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * own.params),
        loss=own.loss,
        usd_per_mtok=own.usd_per_mtok,
        over_trained=smallest.params / own.params if smallest else math.nan,
        equal_quality_cost=smallest.usd_per_mtok / four.usd_per_mtok if smallest else math.nan,
        equal_cost_loss=alike.loss if alike else math.nan,
    )


def _or_none(search: Callable[[], YunDesign]) -> YunDesign | None:
    try:
        return search()
    except InfeasibleError:
        return None


def _losses(pool: Pool) -> Column:
    return pool.loss(pool.affordable_tokens)


def _least_flops(pool: Pool, loss: float) -> float:
    return float(np.min(pool.problem.training.flops(pool.params_active, pool.tokens(loss))))


def _design(pool: Pool, index: int) -> YunDesign:
    return YunDesign(
        index=index,
        params=float(pool.params_active[index]),
        loss=float(_losses(pool)[index]),
        usd_per_mtok=float(pool.usd_per_mtok[index]),
    )
