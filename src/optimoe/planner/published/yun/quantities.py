"""What Yun 2024's claims are about, as numbers of a law, a budget and a setting."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from optimoe.arch.params import count_params
from optimoe.core.claims import Range
from optimoe.planner.designs import Pool
from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.searches import equal_loss, found, losses
from optimoe.planner.published.yun.setting import BASE

ASPECT_REACH = 0.1
"""How far, relatively, from the least d/layers of a setting shapes count as of one aspect ratio: 64 in Table 1."""

SIZES = (5e8, 1e10)
"""Dense N over which the price's exponent is taken: over-trained models to beyond their dense optimum."""

FRONTIER_FLOPS = np.logspace(20.5, 23, 11)
"""Budgets of loss-optimal models that are compared at equal serving cost: an order of magnitude around theirs."""

GROWTH_FACTOR = 4.0
"""Span of budgets over which a gap is said to grow, upwards: that of their four, 2.12 to 8.18e21."""

FIT_ERROR = 3.908e-3
"""RMSLE of their own fit (App. D): sizes whose loss is this near to the lowest are equal by it."""


def total_over_twin(case: YunCase, experts: int) -> Range:
    """Stored over dense-twin parameters without embeddings, N_MoE/N, of all designs of the pool."""
    pool = case.pool(experts)
    ratio = np.asarray(count_params(pool.grid).nonembedding) / pool.params_active
    return float(ratio.min()), float(ratio.max())


def optimal_params(case: YunCase, experts: int) -> Range:
    """The size of the lowest loss: the range half-way to the neighbouring sizes, for shapes come in steps."""
    sizes, own = np.unique(case.pool(experts).params_active), case.best(experts).params
    here = int(np.searchsorted(sizes, own))
    near = sizes[max(here - 1, 0) : here + 2]
    return float(np.sqrt(near[0] * own)), float(np.sqrt(near[-1] * own))


def params_within_fit_error(case: YunCase, experts: int) -> Range:
    """The sizes whose loss is that of the optimum to within the text's own fit error."""
    pool = case.pool(experts)
    near = pool.possible & (losses(pool) <= case.best(experts).loss * (1 + FIT_ERROR))
    return float(pool.params_active[near].min()), float(pool.params_active[near].max())


def price_at_loss_of(case: YunCase, experts: int, base: int) -> float:
    """Price of the smallest model with the loss of the loss-optimal base, over the price of that."""
    own = case.best(base)
    return case.by_size(experts).at_loss(own.loss)[1] / own.usd_per_mtok


def saved_at_loss_of(case: YunCase, experts: int, base: int) -> float:
    """Share of the price of the loss-optimal base that the smallest model with its loss saves."""
    return 1 - price_at_loss_of(case, experts, base)


def size_at_loss_of(case: YunCase, experts: int, base: int) -> float:
    """The smallest size with the loss of the loss-optimal base, over the size of that."""
    own = case.best(base)
    return case.by_size(experts).at_loss(own.loss)[0] / own.params


def size_at_loss_of_another(case: YunCase, experts: int, base: int, other: int) -> float:
    """The smallest size with the loss of the loss-optimal base, over the size of another loss-optimal one."""
    return case.by_size(experts).at_loss(case.best(base).loss)[0] / case.best(other).params


def own_size_at_loss_of(case: YunCase, experts: int, base: int) -> float:
    """The smallest size with the loss of the loss-optimal base, over its own loss-optimal size."""
    size = case.by_size(experts).at_loss(case.best(base).loss)[0]
    return size / case.best(experts).params


def own_size_at_price_of(case: YunCase, experts: int, base: int) -> float:
    """The best size at the price of the loss-optimal base, over its own loss-optimal size.

    Sizes beyond the loss-optimal one, which a cheaper family could afford, are no better: 1 is then the answer.
    """
    size = case.by_price(experts).at_price(case.best(base).usd_per_mtok)[0]
    return size / case.best(experts).params


def largest_at_price_of(case: YunCase, experts: int, base: int) -> float:
    """The largest size at the price of the loss-optimal base, over its own loss-optimal size."""
    usd = case.best(base).usd_per_mtok
    return _largest(case.pool(experts), usd) / case.best(experts).params


def size_over_base_at_price(case: YunCase, experts: int, base: int) -> float:
    """The largest size at the price of the loss-optimal base, over the size of that."""
    own = case.best(base)
    return _largest(case.pool(experts), own.usd_per_mtok) / own.params


def _largest(pool: Pool, usd_per_mtok: float) -> float:
    """The largest size that is served for so much, between the steps of shapes."""
    order = np.argsort(pool.usd_per_mtok)[: int(pool.servable.sum())]  # prices are infinite where nothing serves
    prices, sizes = pool.usd_per_mtok[order], np.maximum.accumulate(pool.params_active[order])
    return float(np.exp(np.interp(np.log(usd_per_mtok), np.log(prices), np.log(sizes))))


def among(
    case: YunCase,
    pick: Callable[[Iterable[float]], float],
    of_one: Callable[[YunCase, int, int], float],
    others: tuple[int, ...],
    base: int,
) -> float:
    """The least or the most of a quantity over several numbers of experts."""
    return pick(of_one(case, experts, base) for experts in others)


def more_training_at_price(case: YunCase, experts: int) -> float:
    """FLOPs that a loss-optimal base needs for the loss of others at its own price, over the budget, less 1."""
    own = case.best(BASE)
    loss = case.by_price(experts).at_price(own.usd_per_mtok)[1]
    return equal_loss(case.pool(BASE), loss).flops / own.flops - 1


def training_saved_at_price(case: YunCase, experts: int) -> float:
    """Share of that training which the others save: 1 − B/FLOPs."""
    return 1 - 1 / (1 + more_training_at_price(case, experts))


def training_over_16(case: YunCase, experts: int) -> float:
    """Training of loss-optimal models at the loss of the loss-optimal 16 experts, over that of these."""
    return case.training_share(experts, 16, case.best(16).loss)


def price_over_fewer(case: YunCase) -> float:
    """Price of 32 over the dearer of 8 and 16 experts, all with the loss of the loss-optimal base."""
    price = {experts: price_at_loss_of(case, experts, BASE) for experts in (8, 16, 32)}
    return price[32] / max(price[8], price[16])


def cost_exponent(case: YunCase) -> float:
    """Slope of ln price against ln N over the dense shapes of one aspect ratio, of the sizes in question."""
    pool, least = case.pool(1), case.setting.aspects[0]
    one_aspect = np.abs(pool.shapes.d_model / pool.shapes.num_layers / least - 1) < ASPECT_REACH
    kept = pool.servable & one_aspect
    kept &= (pool.params_active >= SIZES[0]) & (pool.params_active <= SIZES[1])
    return float(np.polyfit(np.log(pool.params_active[kept]), np.log(pool.usd_per_mtok[kept]), 1)[0])


def cheapest_at_loss_of(case: YunCase, base: int) -> float:
    """Experts of the cheapest loss-optimal model among those with the loss of the loss-optimal base."""
    loss = case.best(base).loss
    at = {experts: found(partial(equal_loss, case.pool(experts), loss)) for experts in case.ranked}
    return float(min(at, key=lambda experts: one.usd_per_mtok if (one := at[experts]) else np.inf))


def best_at_price(case: YunCase) -> float:
    """Experts of the best loss-optimal model among those served for the price of the loss-optimal base."""
    usd, reached = case.best(BASE).usd_per_mtok, {}
    for experts in case.ranked:
        best = [replace(case, budget=float(flops)).best(experts) for flops in FRONTIER_FLOPS]
        served = [one for one in best if np.isfinite(one.usd_per_mtok)]
        prices = np.maximum.accumulate([one.usd_per_mtok for one in served])  # steps of shapes may dip
        reached[experts] = float(np.interp(usd, prices, [one.loss for one in served], left=np.inf))
    return float(min(reached, key=lambda experts: reached[experts]))


def gap_at_loss_of_base(case: YunCase) -> float:
    """Training of 16 experts over that of the base, at the loss of the loss-optimal base."""
    return case.training_share(16, BASE, case.best(BASE).loss)


def growth_of_gap(case: YunCase) -> float:
    """Slope of the FLOPs of the base over those of 16 experts, against the budget, on logarithmic axes."""
    first, last = gap_at_loss_of_base(case), gap_at_loss_of_base(replace(case, budget=GROWTH_FACTOR * case.budget))
    return float(np.log(first / last) / np.log(GROWTH_FACTOR))


QUANTITIES: dict[str, Callable[[YunCase], float | Range]] = {
    **{f"total_{experts}": partial(total_over_twin, experts=experts) for experts in (4, 8, 16, 32)},
    **{f"cheapest_at_loss_of_{base}": partial(cheapest_at_loss_of, base=base) for base in (BASE, 16)},
    "best_at_equal_cost": best_at_price,
    "flops_4_over_16": partial(training_over_16, experts=4),
    "flops_8_over_16": partial(training_over_16, experts=8),
    "flops_16_over_4": gap_at_loss_of_base,
    "growth_of_gap": growth_of_gap,
    "dense_params": partial(optimal_params, experts=1),
    "dense_params_within_fit_error": partial(params_within_fit_error, experts=1),
    "price_8_over_dense": partial(price_at_loss_of, experts=8, base=1),
    "size_8_over_dense": partial(size_at_loss_of, experts=8, base=1),
    "size_8_over_four": partial(size_at_loss_of, experts=8, base=BASE),
    "size_8_at_dense_loss_over_four": partial(size_at_loss_of_another, experts=8, base=1, other=BASE),
    "saved_8_at_four": partial(saved_at_loss_of, experts=8, base=BASE),
    "saved_16_at_four": partial(saved_at_loss_of, experts=16, base=BASE),
    "price_16_over_four": partial(price_at_loss_of, experts=16, base=BASE),
    "price_32_over_fewer": price_over_fewer,
    "own_size_16": partial(own_size_at_loss_of, experts=16, base=BASE),
    "own_size_32": partial(own_size_at_price_of, experts=32, base=BASE),
    "own_size_8_at_dense_price": partial(largest_at_price_of, experts=8, base=1),
    "size_8_at_dense_price": partial(size_over_base_at_price, experts=8, base=1),
    **{
        f"{end}_{size}at_{base}_price": partial(among, pick=pick, of_one=of_one, others=others, base=experts)
        for end, pick in (("least", min), ("most", max))
        for size, of_one in (("", largest_at_price_of), ("size_", size_over_base_at_price))
        for base, experts, others in (("dense", 1, (4, 16, 32)), ("four", BASE, (8, 16, 32)))
    },
    "more_training_of_4_for_8": partial(more_training_at_price, experts=8),
    "saved_training_of_16": partial(training_saved_at_price, experts=16),
    "cost_exponent": cost_exponent,
}
"""What the claims are about, for a law, a budget and a setting."""

DENSE_ONLY = ("dense_params", "cost_exponent")
"""Quantities that are about dense models alone."""

OF_DENSE = tuple(name for name in QUANTITIES if "dense" in name)
"""Quantities that need the loss-optimal dense model."""

OF_NO_LAW = ("total_4", "total_8", "total_16", "total_32", "cost_exponent")
"""Quantities of shapes and prices alone."""
