"""Yun 2024's questions answered for every law, budget and number of experts, with what each price rests on."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import InfeasibleError
from optimoe.planner.designs import Pool
from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.searches import YunDesign, equal_loss, found
from optimoe.planner.published.yun.serving import box_of
from optimoe.planner.published.yun.setting import BASE, EXPERTS, LAWS, SIXTEEN

BUDGETS = (2.12e21, 5.15e21, 5.96e21, 8.18e21)
"""The four training budgets that the text states, FLOP."""

HEADLINE_BUDGETS = (2.12e21, 5.15e21, 8.18e21)
"""Those whose best 16 experts set the loss of the headline: 5.96e21 lies close to the second."""

REFERENCE = 16
"""Experts of the loss-optimal model whose loss the headline is asked at: its training gap is against these."""


@dataclass(frozen=True, kw_only=True)
class YunAtLoss:
    """The loss-optimal model of one number of experts at the loss of the loss-optimal 16.

    Attributes:
        law, flops: The law, and the training budget of the 16 experts.
        loss: Their loss, nats per token.
        experts: Number of experts.
        params, tokens: Size and tokens with which it is reached for the least training; N as they count it.
        training_share: Its training over that of the 16 experts.
        usd_per_mtok: Its serving price on up to 8 GPUs; infinite where none hold it.
        usd_per_mtok_16_gpus: On up to 16.
        num_gpus: GPUs that serve it cheapest.
        weights_share: Share of their memory that weights take; NaN where none hold it.
        batch: Requests in flight whose full contexts fit beside them; NaN where none hold it.
        full_memory: Whether weights take more than half of it, so that the price is that of a full memory.
        cheapest: Whether it is the cheapest of all numbers of experts.
        cheapest_16_gpus: Whether it is on up to 16 GPUs.
    """

    law: str
    flops: float
    loss: float
    experts: int
    params: float
    tokens: float
    training_share: float
    usd_per_mtok: float
    usd_per_mtok_16_gpus: float
    num_gpus: int
    weights_share: float
    batch: float
    full_memory: bool
    cheapest: bool
    cheapest_16_gpus: bool


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
        weights_share: Share of the memory of the GPUs that serve the lowest loss which its weights take.
        batch: Requests in flight whose full contexts fit beside them.
        full_memory: Whether weights take more than half, so that the price is that of a full memory.
        usd_per_mtok_16_gpus: Serving price of the lowest loss with up to 16 GPUs allowed.
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
    weights_share: float = math.nan
    batch: float = math.nan
    full_memory: bool = False
    usd_per_mtok_16_gpus: float = math.nan


def yun_headline() -> list[YunAtLoss]:
    """Who is cheapest to serve at equal loss, for every law of ``LAWS`` and three of their budgets."""
    return [one for law in LAWS for flops in HEADLINE_BUDGETS for one in at_loss_of_16(law, flops)]


def at_loss_of_16(law: str, flops: float) -> list[YunAtLoss]:
    """The loss-optimal models at the loss of the best 16 experts of a budget, by number of experts.

    A family that no law ranks, or that never reaches the loss, is left out.
    """
    case, more = YunCase(law=law, budget=flops), YunCase(law=law, budget=flops, setting=SIXTEEN)
    loss = case.best(REFERENCE).loss
    searched = {experts: found(partial(equal_loss, case.pool(experts), loss)) for experts in case.ranked}
    designs = {experts: design for experts, design in searched.items() if design}
    usd_16 = {experts: float(more.pool(experts).usd_per_mtok[one.index]) for experts, one in designs.items()}
    cheapest = min(designs, key=lambda experts: designs[experts].usd_per_mtok)
    return [
        YunAtLoss(
            law=law,
            flops=flops,
            loss=loss,
            experts=experts,
            params=design.params,
            tokens=design.flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * design.params),
            training_share=design.flops / designs[REFERENCE].flops,
            usd_per_mtok=design.usd_per_mtok,
            usd_per_mtok_16_gpus=usd_16[experts],
            **_room(case.pool(experts), design),
            cheapest=experts == cheapest,
            cheapest_16_gpus=experts == min(usd_16, key=lambda other: usd_16[other]),
        )
        for experts, design in designs.items()
    ]


def yun_answers(laws: Sequence[str] = LAWS, budgets: Sequence[float] = BUDGETS) -> list[YunAnswer]:
    """Answer their questions for every law, budget and number of experts; a law of MoEs ranks no dense model."""
    return [_answer(law, budget, experts) for law in laws for budget in budgets for experts in EXPERTS]


def _answer(law: str, flops: float, experts: int) -> YunAnswer:
    case = YunCase(law=law, budget=flops)
    if experts not in case.ranked:
        nothing: dict[str, Any] = dict.fromkeys(OF_A_MODEL, math.nan)
        return YunAnswer(law=law, flops=flops, experts=experts, **nothing)
    own, four = case.best(experts), case.best(BASE)
    smallest, price = _or_nan(lambda: case.by_size(experts).at_loss(four.loss))
    _, alike = _or_nan(lambda: case.by_price(experts).at_price(four.usd_per_mtok))
    room, more = _room(case.pool(experts), own), replace(case, setting=SIXTEEN)
    return YunAnswer(
        law=law,
        flops=flops,
        experts=experts,
        params=own.params,
        tokens=flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * own.params),
        loss=own.loss,
        usd_per_mtok=own.usd_per_mtok,
        over_trained=smallest / own.params,
        equal_quality_cost=price / four.usd_per_mtok,
        equal_cost_loss=alike,
        weights_share=room["weights_share"],
        batch=room["batch"],
        full_memory=room["full_memory"],
        usd_per_mtok_16_gpus=float(more.pool(experts).usd_per_mtok[own.index]),
    )


OF_A_MODEL = (
    "params", "tokens", "loss", "usd_per_mtok", "over_trained", "equal_quality_cost", "equal_cost_loss",
)  # fmt: skip
"""What a model has that the law ranks."""


def _room(pool: Pool, design: YunDesign) -> dict[str, Any]:
    """How full the GPUs are that serve a design; nothing where none hold it."""
    if not math.isfinite(design.usd_per_mtok):
        return {"num_gpus": 0, "weights_share": math.nan, "batch": math.nan, "full_memory": False}
    box = box_of(pool, design.index)
    return {
        "num_gpus": box.num_gpus,
        "weights_share": box.weights_share,
        "batch": box.batch,
        "full_memory": box.full,
    }


def _or_nan(search: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    try:
        return search()
    except InfeasibleError:
        return math.nan, math.nan
