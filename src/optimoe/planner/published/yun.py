"""Yun et al. 2024 (arXiv 2404.02852): its two searches as reference solvers, and its claims under other laws.

No coefficient of its loss law and no latency table was published. Its questions are asked here of laws that were,
with its own count of the budget, 6·N·D with N of the dense twin without embeddings, so that further experts train
for nothing. Designs route top-2 (as theirs) in every layer (theirs: every second); prices are those of the cost
model. Where an answer differs, the verdict says so and why.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimoe.arch.design import one_expert_twin
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.core.config import build, load_facts
from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Workload
from optimoe.laws.catalog import find_loss_law
from optimoe.laws.loss_law import LossLaw
from optimoe.planner.designs import Column, Pool, evaluate
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import Training
from optimoe.planner.published.verdict import ClaimVerdict, judged

EXPERTS = (1, 4, 8, 16, 32)
"""Numbers of experts that are compared; 1 is dense."""

BASE = 4
"""Experts of the loss-optimal model that the others are compared with, as most of their claims do."""

LAWS = ("ludziejewski2025", "zhao2025")
"""Laws of a whole training run in N, D and E, with published coefficients."""

SLACK = 0.05
"""Share by which an end of a printed range may be missed: their shapes and prices are not ours."""

USUAL_ASPECT, ASPECT_REACH = 96, 0.2
"""Middle of the aspect ratios of the law's runs (64) and Mixtral 8x7B (128), and how far from it shapes count."""


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
    """The lowest loss of the budget."""
    return _design(pool, int(np.where(pool.servable, _losses(pool), np.inf).argmin()))


def equal_quality(pool: Pool, loss: float) -> YunDesign:
    """The smallest design that reaches a loss with the whole budget: over-trained. Their first search.

    They bisect on N, which supposes that the loss falls with N up to the optimum; here all shapes are looked at.

    Raises:
        InfeasibleError: No design of the family reaches it.
    """
    reached = pool.servable & (_losses(pool) <= loss)
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
    kept = pool.servable & (pool.usd_per_mtok <= usd_per_mtok)
    if not kept.any():
        raise InfeasibleError(
            f"usd_per_mtok: {usd_per_mtok:.3g} is below every design of {pool.family.num_experts} experts"
        )
    return _design(pool, int(np.where(kept, _losses(pool), np.inf).argmin()))


def training_share(pool: Pool, other: Pool, loss: float) -> float:
    """FLOPs with which a family reaches a loss over those of another, each at its own best size."""
    return _least_flops(pool, loss) / _least_flops(other, loss)


def yun_problem(budget_flops: float, law: LossLaw) -> Problem:
    """Set their problem up: eight A100 of 40 GB, top-2 routing, experts of 2.67·d, shapes in steps of 512."""
    gpu = find_accelerator("a100-sxm-40gb")
    price = given_price(1.0)
    deployment = Deployment(
        cluster=Cluster(accelerator=gpu, num_gpus=8),
        workload=Workload(input_tokens=161, output_tokens=338),
        price=price,
    )
    return Problem(
        training=Training(accelerator=gpu, price=price, budget_flops=budget_flops),
        deployments=(deployment,),
        lifetime_tokens=0.0,
        law=law,
        goal=LowestLoss(),
        space=Space(num_experts=EXPERTS, top_k=(2,), ffn_ratio=(8 / 3,), num_kv_heads=(4,), max_width=8192),
    )


def yun_pools(budget_flops: float, law: LossLaw) -> dict[int, Pool]:
    """Every width and depth of each number of experts, sizes counted as theirs."""
    problem = yun_problem(budget_flops, law)
    shapes = problem.space.every()
    pools = evaluate(problem, dict.fromkeys(problem.space.families(), shapes))
    return {
        family.num_experts: replace(
            pool, params_active=np.asarray(count_params(one_expert_twin(pool.grid)).nonembedding, dtype=float)
        )
        for family, pool in pools.items()
    }


@dataclass(frozen=True, kw_only=True)
class YunClaim:
    """A range that the text states, the quantity that it is about, and why ours may differ."""

    claim: str
    low: float
    high: float
    quantity: str
    budgets: tuple[float, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class YunAnswer:
    """Answers to their questions for one number of experts; NaN where no design of the space does it.

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


def reproduce_yun() -> tuple[list[YunAnswer], list[ClaimVerdict]]:
    """Ask their questions and judge their claims under every law of :data:`LAWS`."""
    rows = load_facts("optimoe.planner", "yun2024.toml")["claim"]
    claims = [build(YunClaim, row, where="yun2024.toml") for row in rows]
    budgets = sorted({budget for claim in claims for budget in claim.budgets})
    answers, verdicts = [], []
    for name in LAWS:
        pools = {budget: yun_pools(budget, find_loss_law(name)) for budget in budgets}
        verdicts += [_judge(claim, name, pools) for claim in claims]
        answers += [_answer(name, budget, pools[budget], experts) for budget in budgets for experts in EXPERTS]
    return answers, verdicts


def _answer(law: str, flops: float, pools: Mapping[int, Pool], experts: int) -> YunAnswer:
    own, four = loss_optimal(pools[experts]), loss_optimal(pools[BASE])
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


def _judge(claim: YunClaim, law: str, pools: Mapping[float, Mapping[int, Pool]]) -> ClaimVerdict:
    values = []
    for budget in claim.budgets:
        try:
            values.append(float(QUANTITIES[claim.quantity](pools[budget])))
        except InfeasibleError:
            values.append(float("nan"))
    low, high = min(values), max(values)
    inside = low >= (1 - SLACK) * claim.low and high <= (1 + SLACK) * claim.high
    return judged(claim.claim, law, (claim.low, claim.high), (low, high), inside, claim.reason)


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


def _price_at_dense_loss(pools: Mapping[int, Pool], experts: int) -> float:
    dense = loss_optimal(pools[1])
    return equal_quality(pools[experts], dense.loss).usd_per_mtok / dense.usd_per_mtok


def _size_at_dense_loss(pools: Mapping[int, Pool], experts: int) -> float:
    dense = loss_optimal(pools[1])
    return equal_quality(pools[experts], dense.loss).params / dense.params


def _price_at_four(pools: Mapping[int, Pool], experts: int) -> float:
    four = loss_optimal(pools[4])
    return 1 - equal_quality(pools[experts], four.loss).usd_per_mtok / four.usd_per_mtok


def _own_size_at_four(pools: Mapping[int, Pool], experts: int) -> float:
    four = loss_optimal(pools[4])
    return equal_quality(pools[experts], four.loss).params / loss_optimal(pools[experts]).params


def _cheapest_loss_optimal(pools: Mapping[int, Pool]) -> float:
    prices = {experts: loss_optimal(pool).usd_per_mtok for experts, pool in pools.items() if experts > 1}
    return float(min(prices, key=lambda experts: prices[experts]))


def _cost_exponent(pools: Mapping[int, Pool]) -> float:
    """Slope of ln price against ln N over the dense shapes of the usual aspect ratio."""
    pool = pools[1]
    kept = pool.servable & (np.abs(pool.shapes.d_model / pool.shapes.num_layers / USUAL_ASPECT - 1) < ASPECT_REACH)
    return float(np.polyfit(np.log(pool.params_active[kept]), np.log(pool.usd_per_mtok[kept]), 1)[0])


QUANTITIES: dict[str, Callable[[Mapping[int, Pool]], float]] = {
    "dense_params": lambda pools: loss_optimal(pools[1]).params,
    "flops_16_over_4": lambda pools: training_share(pools[16], pools[4], loss_optimal(pools[4]).loss),
    "price_8_over_dense": lambda pools: _price_at_dense_loss(pools, 8),
    "size_8_over_dense": lambda pools: _size_at_dense_loss(pools, 8),
    "size_4_over_dense": lambda pools: _size_at_dense_loss(pools, 4),
    "saved_8_at_four": lambda pools: _price_at_four(pools, 8),
    "saved_16_at_four": lambda pools: _price_at_four(pools, 16),
    "own_size_16": lambda pools: _own_size_at_four(pools, 16),
    "own_size_32": lambda pools: _own_size_at_four(pools, 32),
    "cheapest_loss_optimal": _cheapest_loss_optimal,
    "cost_exponent": _cost_exponent,
}
"""What the claims are about, over the pools of one budget."""
