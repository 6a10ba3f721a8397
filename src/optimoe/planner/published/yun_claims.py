"""The claims of Yun et al. 2024 (arXiv 2404.02852) under laws that are published, and what might explain ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from optimoe.core.claims import Claim, Range, Reproduction, judged, printed_range
from optimoe.core.config import build, load_facts
from optimoe.core.errors import InfeasibleError
from optimoe.laws.catalog import find_loss_law
from optimoe.planner.designs import Pool
from optimoe.planner.published.yun import (
    BASE,
    LAWS,
    YunAnswer,
    equal_cost,
    equal_quality,
    loss_optimal,
    training_share,
    yun_answers,
    yun_pools,
)

TEXT = "yun2024"

SLACK = 0.05
"""Share by which an end of what is printed may be missed: their shapes and prices are not ours."""

USUAL_ASPECT, ASPECT_REACH = 96, 0.2
"""Middle of the aspect ratios of the law's runs (64) and Mixtral 8x7B (128), and how far from it shapes count."""

FRONTIER_FLOPS = np.logspace(20.5, 23, 11)
"""Budgets of loss-optimal models that are compared at equal serving cost: an order of magnitude around theirs."""

Pools = Mapping[int, Pool]

VARIANTS: dict[str, dict[str, int | bool]] = {
    "experts in every layer": {"every_layer": True},
    "four key-value heads": {"kv_heads": 4},
    "experts in every layer and four key-value heads": {"every_layer": True, "kv_heads": 4},
}
"""Designs other than theirs, which show how far a verdict hangs on the shapes."""


@dataclass(frozen=True, kw_only=True)
class YunClaim:
    """A number or range that the text states, and the quantity that it is about.

    Attributes:
        claim: The claim in words.
        printed: As printed.
        quantity: A key of :data:`QUANTITIES`.
        budgets: Training FLOPs that it is stated for.
        where: Place in the text.
    """

    claim: str
    printed: str
    quantity: str
    budgets: tuple[float, ...]
    where: str = ""


def reproduce_yun() -> tuple[list[YunAnswer], list[Reproduction]]:
    """Ask their questions and judge their claims under every law of ``LAWS`` that may rank the designs."""
    rows = load_facts("optimoe.planner", "yun2024.toml")["claim"]
    claims = [build(YunClaim, row, where="yun2024.toml") for row in rows]
    budgets = sorted({budget for claim in claims for budget in claim.budgets})
    answers = yun_answers({law: {budget: _pools(law, budget) for budget in budgets} for law in LAWS})
    return answers, [_judged(claim, law) for law in LAWS for claim in claims if _may_answer(law, claim)]


def _may_answer(law: str, row: YunClaim) -> bool:
    """Whether a law may rank the designs that a claim is about: a law of MoEs no dense model."""
    return row.quantity not in OF_DENSE or bool(_pools(law, row.budgets[0])[1].ranked.any())


def _judged(row: YunClaim, law: str) -> Reproduction:
    claim = Claim(
        text=TEXT,
        claim=row.claim,
        law=law,
        where=row.where,
        printed=row.printed,
        published=printed_range(row.printed),
        whole=True,
        slack=SLACK,
        reason=_assumed(law, row),
    )
    causes = [(words, partial(_over_budgets, row, law, words)) for words in VARIANTS]
    others = [other for other in LAWS if other != law and _may_answer(other, row)]
    causes += [(f"another law, {other}", partial(_over_budgets, row, other)) for other in others]
    return judged(claim, _over_budgets(row, law), causes)


def _assumed(law: str, row: YunClaim) -> str:
    """On what assumptions a law ranks the routed designs that a claim is about; empty where there are none."""
    assumptions = _pools(law, row.budgets[0])[BASE].standing.assumptions
    return f"by assumption: {', '.join(assumptions)}" if assumptions and row.quantity not in DENSE_ONLY else ""


def _over_budgets(row: YunClaim, law: str, variant: str = "") -> Range:
    """Lowest and highest of a quantity over the budgets; NaN where no design does it."""
    values = []
    for budget in row.budgets:
        try:
            values.append(float(QUANTITIES[row.quantity](law, budget, variant)))
        except InfeasibleError:
            values.append(float("nan"))
    return min(values), max(values)


@cache
def _pools(law: str, budget: float, variant: str = "") -> Pools:
    return yun_pools(budget, find_loss_law(law), **VARIANTS.get(variant, {}))  # type: ignore[arg-type]


def _price_at_dense_loss(pools: Pools, experts: int) -> float:
    dense = loss_optimal(pools[1])
    return equal_quality(pools[experts], dense.loss).usd_per_mtok / dense.usd_per_mtok


def _size_at_loss(pools: Pools, experts: int, base: int) -> float:
    """The smallest size with the loss of the loss-optimal base, over the size of the base."""
    own = loss_optimal(pools[base])
    return equal_quality(pools[experts], own.loss).params / own.params


def _saved_at_base(pools: Pools, experts: int) -> float:
    base = loss_optimal(pools[BASE])
    return 1 - equal_quality(pools[experts], base.loss).usd_per_mtok / base.usd_per_mtok


def _own_size_at_quality(pools: Pools, experts: int) -> float:
    base = loss_optimal(pools[BASE])
    return equal_quality(pools[experts], base.loss).params / loss_optimal(pools[experts]).params


def _own_size_at_cost(pools: Pools, experts: int) -> float:
    base = loss_optimal(pools[BASE])
    return equal_cost(pools[experts], base.usd_per_mtok).params / loss_optimal(pools[experts]).params


def _training_over_16(pools: Pools, experts: int) -> float:
    return training_share(pools[experts], pools[16], loss_optimal(pools[16]).loss)


def _cost_exponent(pools: Pools) -> float:
    """Slope of ln price against ln N over the dense shapes of the usual aspect ratio."""
    pool = pools[1]
    kept = pool.servable & (np.abs(pool.shapes.d_model / pool.shapes.num_layers / USUAL_ASPECT - 1) < ASPECT_REACH)
    return float(np.polyfit(np.log(pool.params_active[kept]), np.log(pool.usd_per_mtok[kept]), 1)[0])


def _best_at_equal_cost(law: str, budget: float, variant: str) -> float:
    """Number of experts whose loss-optimal model is best at the serving price of the loss-optimal four experts."""
    usd = loss_optimal(_pools(law, budget, variant)[BASE]).usd_per_mtok
    losses = {}
    for experts, pool in _pools(law, budget, variant).items():
        if not pool.ranked.any():
            continue
        best = [loss_optimal(_pools(law, float(flops), variant)[experts]) for flops in FRONTIER_FLOPS]
        served = [one for one in best if one.usd_per_mtok <= usd]
        losses[experts] = min((one.loss for one in served), default=np.inf)
    return float(min(losses, key=lambda experts: losses[experts]))


def _of_pools(quantity: Callable[[Pools], float]) -> Callable[[str, float, str], float]:
    return lambda law, budget, variant: quantity(_pools(law, budget, variant))


QUANTITIES: dict[str, Callable[[str, float, str], float]] = {
    "dense_params": _of_pools(lambda pools: loss_optimal(pools[1]).params),
    "flops_16_over_4": _of_pools(lambda pools: training_share(pools[16], pools[4], loss_optimal(pools[4]).loss)),
    "flops_4_over_16": _of_pools(lambda pools: _training_over_16(pools, 4)),
    "flops_8_over_16": _of_pools(lambda pools: _training_over_16(pools, 8)),
    "price_8_over_dense": _of_pools(lambda pools: _price_at_dense_loss(pools, 8)),
    "size_8_over_dense": _of_pools(lambda pools: _size_at_loss(pools, 8, 1)),
    "size_8_over_four": _of_pools(lambda pools: _size_at_loss(pools, 8, BASE)),
    "saved_8_at_four": _of_pools(lambda pools: _saved_at_base(pools, 8)),
    "saved_16_at_four": _of_pools(lambda pools: _saved_at_base(pools, 16)),
    "own_size_16": _of_pools(lambda pools: _own_size_at_quality(pools, 16)),
    "own_size_32": _of_pools(lambda pools: _own_size_at_cost(pools, 32)),
    "best_at_equal_cost": _best_at_equal_cost,
    "cost_exponent": _of_pools(_cost_exponent),
}
"""What the claims are about, for a law, a budget and a variant of the designs."""

DENSE_ONLY = ("dense_params", "cost_exponent")
"""Quantities that are about dense models alone."""

OF_DENSE = ("dense_params", "price_8_over_dense", "size_8_over_dense")
"""Quantities that need the loss of a dense model."""
