"""What Yun 2024's figures on designs show, asked of laws that are published: loss, size and price by experts.

The numbers of its own figures are not known from what it prints, so that keys are words.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from optimoe.core.claims import FigureMaker, Series, TextFigure
from optimoe.core.errors import InfeasibleError
from optimoe.core.units import format_count
from optimoe.laws.catalog import find_law
from optimoe.planner.designs import Pool, evaluate
from optimoe.planner.published.designs import OF_TEXTS
from optimoe.planner.published.yun.answers import at_loss_of_16
from optimoe.planner.published.yun.case import YunCase
from optimoe.planner.published.yun.pools import FFN_RATIO, as_theirs, yun_problem
from optimoe.planner.published.yun.quantities import cheapest_at_loss_of, gap_at_loss_of_base, price_at_loss_of
from optimoe.planner.published.yun.searches import loss_optimal, losses
from optimoe.planner.published.yun.setting import (
    ASPECTS,
    BASE,
    EXPERTS,
    LAWS,
    MEMORY_BOUND,
    PAPER,
    ROUTED_ONLY,
    SIXTEEN,
    yun_law,
)

SMALLEST, MIDDLE, LARGEST = 2.12e21, 5.15e21, 8.18e21
"""Three of its budgets, FLOP."""

SPAN_FLOPS = tuple(float(flops) for flops in np.logspace(20.5, 22.5, 9))
"""Budgets around its own, a decade on both sides."""

DEFAULT_LAW = "optimoe2026"
"""The law that plans take where none is stated: of dense and routed models."""

TOTAL = 20e9
"""Parameters of the models of experiment 3 here: dense ones of 20B and 32 experts of a 1.8B twin fit 8 GPUs."""

OTHERS = tuple(experts for experts in EXPERTS if experts >= BASE)
"""Those that are over-trained against the base."""

AXIS = tuple(map(float, EXPERTS))

SHOWN = (2e8, 3e10)
"""Dense-twin sizes of the size figure: over-trained to over-sized for its budget."""

THREE_LAWS = "laws: " + ", ".join(LAWS)
BANDS = f"at {MIDDLE:.3g} FLOP, in brackets the range to {LARGEST:.3g}".replace("e+", "e")
ON_GPUS = "prices on 1 to 8 A100-40GB, each at 1 USD an hour (assumed), whichever number is cheapest"
OWN_COEFFICIENTS = "its own coefficients were never published: these are other laws' answers to its question"
SIZES_AS_THEIRS = "N is that of the dense twin without embeddings, and the budget 6·N·D counts it alone"


def cheapest() -> TextFigure:
    """Number of experts that is cheapest to serve at equal loss, by training budget."""
    ways = {"": PAPER, "/16": SIXTEEN, "/memory": MEMORY_BOUND}
    return TextFigure(
        key="cheapest",
        title="Cheapest number of experts at the loss of the loss-optimal 16 experts",
        x="training budget of the 16 experts, FLOP",
        y="experts of the cheapest loss-optimal model",
        series=tuple(
            Series(
                name=_short(law) + words,
                x=SPAN_FLOPS,
                y=tuple(cheapest_at_loss_of(replace(case, budget=flops), 16) for flops in SPAN_FLOPS),
            )
            for law in LAWS
            for words, setting in ways.items()
            if law != ROUTED_ONLY or not words  # two columns more would not fit a page
            for case in (YunCase(law=law, budget=LARGEST, setting=setting),)
        ),
        x_log=True,
        y_log=True,
        notes=(
            OWN_COEFFICIENTS,
            THREE_LAWS,
            f"{ON_GPUS}; /16: up to 16 of them; /memory: by memory alone (eq. 6), a step reads all of it",
            "the text finds 4 or 8: here they are cheapest where models of more experts fill the memory of 8 GPUs",
            f"shapes come in steps, so that near ties fall either way; {_short(ROUTED_ONLY)} ranks no dense model",
        ),
    )


def equal_loss() -> TextFigure:
    """Serving price at equal loss, by number of experts."""
    series, full = [], []
    for law in LAWS:
        group = {one.experts: one for one in at_loss_of_16(law, LARGEST)}
        for words, price in (("", "usd_per_mtok"), ("/16", "usd_per_mtok_16_gpus")):
            usd = tuple(getattr(group.get(experts), price, math.nan) for experts in EXPERTS)
            series.append(Series(name=_short(law) + words, x=AXIS, y=usd))
        full += [f"{_short(law)} E = {one.experts}" for one in group.values() if one.full_memory]
    return TextFigure(
        key="equal-loss",
        title=f"Serving price of loss-optimal models at the loss of the best 16 experts of {_flops(LARGEST)}",
        x="experts",
        y="USD per million output tokens",
        series=tuple(series),
        x_log=True,
        y_log=True,
        notes=(
            OWN_COEFFICIENTS,
            THREE_LAWS,
            f"{ON_GPUS}; /16: up to 16 of them",
            f"weights fill more than half of the memory of 8 GPUs: {', '.join(full)}",
        ),
    )


def frontier() -> TextFigure:
    """Loss against serving price of loss-optimal models, by number of experts."""
    series = []
    for experts in EXPERTS:
        best = [YunCase(law=DEFAULT_LAW, budget=flops).best(experts) for flops in SPAN_FLOPS]
        served = [one for one in best if np.isfinite(one.usd_per_mtok)]
        series.append(
            Series(
                name=f"E = {experts}",
                x=tuple(one.usd_per_mtok for one in served),
                y=tuple(one.loss for one in served),
            )
        )
    return TextFigure(
        key="frontier",
        title=f"Loss-optimal models of nine budgets around the text's ({DEFAULT_LAW})",
        x="USD per million output tokens",
        y="loss, nats per token",
        series=tuple(series),
        x_log=True,
        notes=(
            ON_GPUS,
            SIZES_AS_THEIRS,
            f"a point for each budget, {_flops(SPAN_FLOPS[0])} at the left to {_flops(SPAN_FLOPS[-1])}",
        ),
    )


def sizes() -> TextFigure:
    """Loss against size at a fixed budget, by number of experts."""
    case = YunCase(law=DEFAULT_LAW, budget=MIDDLE)
    shapes, params = case.pool(1).shapes, case.pool(1).params_active
    shown = (shapes.d_model == ASPECTS[0] * shapes.num_layers) & (params > SHOWN[0]) & (params < SHOWN[1])
    return TextFigure(
        key="sizes",
        title=f"Loss by size, the whole budget of {_flops(MIDDLE)} spent ({DEFAULT_LAW})",
        x="N of the dense twin, parameters",
        y="loss, nats per token",
        series=tuple(
            Series(name=f"E = {experts}", x=tuple(params[shown]), y=tuple(losses(case.pool(experts))[shown]))
            for experts in EXPERTS
        ),
        x_log=True,
        notes=(SIZES_AS_THEIRS, "left of the lowest loss models are over-trained: smaller, on more tokens"),
    )


def equal_quality() -> TextFigure:
    """Serving price of over-trained models with the loss of the loss-optimal 4 experts."""
    nothing, printed = math.nan, {8: (0.477, 0.51), 16: (0.47, 0.52)}
    ends = [printed.get(experts, (nothing, nothing)) for experts in OTHERS]
    text = Series(
        name="printed",
        x=tuple(map(float, OTHERS)),
        y=tuple(sum(pair) / 2 for pair in ends),
        low=tuple(low for low, _ in ends),
        high=tuple(high for _, high in ends),
        note="Sec. 5.2: 8 experts save 49.0 to 52.3 %, 16 save 48 to 53 %",
    )
    ours = _over_budgets(OTHERS, lambda case, experts: price_at_loss_of(case, experts, BASE))
    return TextFigure(
        key="equal-quality",
        title="Over-trained models with the loss of the loss-optimal 4 experts, the same budget spent",
        x="experts",
        y="serving price over that of the loss-optimal 4 experts",
        series=(*ours, text),
        x_log=True,
        notes=(OWN_COEFFICIENTS, BANDS, ON_GPUS),
    )


def equal_cost() -> TextFigure:
    """Loss of models that are served at the price of the loss-optimal 4 experts."""
    return TextFigure(
        key="equal-cost",
        title="Models served at the price of the loss-optimal 4 experts, the same budget spent",
        x="experts",
        y="loss less that of the loss-optimal 4 experts, nats per token",
        series=_over_budgets(OTHERS, _gain),
        x_log=True,
        notes=(OWN_COEFFICIENTS, BANDS, ON_GPUS),
    )


def growth() -> TextFigure:
    """Training of 16 experts over that of 4 at equal loss, by budget."""
    series = [
        Series(
            name=law,
            x=SPAN_FLOPS,
            y=tuple(gap_at_loss_of_base(YunCase(law=law, budget=flops)) for flops in SPAN_FLOPS),
        )
        for law in LAWS
    ]
    many = len(SPAN_FLOPS)
    printed = Series(
        name="printed",
        x=SPAN_FLOPS,
        y=(0.3325,) * many,
        low=(0.237,) * many,
        high=(0.428,) * many,
        note="23.7 to 42.8 %, falling with budgets that are not printed; the line is the middle",
    )
    return TextFigure(
        key="growth",
        title="Training of 16 experts over that of 4, at the loss of the loss-optimal 4",
        x="training budget of the 4 experts, FLOP",
        y="FLOPs of 16 over FLOPs of 4 experts",
        series=(*series, printed),
        x_log=True,
        notes=(
            OWN_COEFFICIENTS,
            f"by {DEFAULT_LAW} the gain is one at every budget: its size term is a power of Ê",
        ),
    )


def saturation() -> TextFigure:
    """Saturated number of experts Ê by number of experts."""
    experts = tuple(float(2**power) for power in range(11))
    law = find_law("ludziejewski2025")
    start, most = law.coefficients["E_start"], law.coefficients["E_max"]
    hat = tuple(float(law.evaluate("E_hat", {"E": number})) for number in experts)
    return TextFigure(
        key="saturation",
        title="Saturation of the gain from experts: 1/Ê = 1/(E − 1 + (1/E_start − 1/E_max)^−1) + 1/E_max",
        x="experts",
        y="Ê, what they are worth",
        series=(
            Series(name="ludziejewski2025", x=experts, y=hat, note=f"E_start {start:.4g}, E_max {most:.4g}"),
            Series(name="without saturation", x=experts, y=experts),
        ),
        x_log=True,
        y_log=True,
        notes=("the form is Yun's too (eq. 4), whose E_start and E_max were never published",),
    )


def total_loss() -> TextFigure:
    """Loss by number of experts at a constant total size (experiment 3)."""
    return _at_total("total-loss", "loss, nats per token", lambda pool: loss_optimal(pool).loss)


def total_price() -> TextFigure:
    """Serving price by number of experts at a constant total size (experiment 3)."""
    return _at_total("total-price", "USD per million output tokens", lambda pool: loss_optimal(pool).usd_per_mtok)


def _at_total(key: str, y: str, value: Callable[[Pool], float]) -> TextFigure:
    return TextFigure(
        key=key,
        title=f"Models of {format_count(TOTAL)} parameters in total, each trained on {_flops(LARGEST)}",
        x="experts",
        y=y,
        series=tuple(
            Series(name=law, x=AXIS, y=_of_total(YunCase(law=law, budget=LARGEST), value)) for law in LAWS
        ),
        x_log=True,
        notes=(
            "the best width and depth of each number of experts within 2 % of that, embeddings included, as by "
            "optimoe plan --params-total",
            "more experts in one total are smaller twins on more tokens: D = B/6N",
            ON_GPUS,
        ),
    )


def _of_total(case: YunCase, value: Callable[[Pool], float]) -> tuple[float, ...]:
    problem = yun_problem(case.budget, yun_law(case.law), case.setting)
    space = replace(
        OF_TEXTS,
        num_experts=EXPERTS,
        top_k=(2,),
        ffn_ratio=(FFN_RATIO,),
        dense_ffn_ratio=(FFN_RATIO,),
        moe_every=(2,),
        dense_layer_width="expert",
        params_total=TOTAL,
        min_aspect=ASPECTS[0],
        max_aspect=ASPECTS[1],
    )
    pools = evaluate(replace(problem, space=space), space.members(space.every()))
    of = {family.num_experts: as_theirs(pool, case.setting) for family, pool in pools.items()}
    return tuple(value(of[experts]) if experts in case.ranked else math.nan for experts in EXPERTS)


def _over_budgets(others: Sequence[int], value: Callable[[YunCase, int], float]) -> tuple[Series, ...]:
    """A series for each law: at the middle budget, with its range up to the largest."""
    made = []
    for law in LAWS:
        middle, largest = (
            tuple(value(YunCase(law=law, budget=flops), experts) for experts in others)
            for flops in (MIDDLE, LARGEST)
        )
        ends = [sorted(pair) for pair in zip(middle, largest, strict=True)]
        low, high = (tuple(end) for end in zip(*ends, strict=True))
        made.append(Series(name=law, x=tuple(map(float, others)), y=middle, low=low, high=high))
    return tuple(made)


def _gain(case: YunCase, experts: int) -> float:
    four = case.best(BASE)
    try:
        return case.by_price(experts).at_price(four.usd_per_mtok)[1] - four.loss
    except InfeasibleError:
        return math.nan


def _short(law: str) -> str:
    return law.rstrip("0123456789")


def _flops(flops: float) -> str:
    return f"{format_count(flops)} FLOP"


def by_key(makers: Sequence[FigureMaker]) -> dict[str, FigureMaker]:
    """Makers by the words that their figures are asked for with."""
    return {maker.__name__.replace("_", "-"): maker for maker in makers}


YUN_FIGURES: dict[str, FigureMaker] = by_key(
    (
        cheapest,
        equal_loss,
        frontier,
        sizes,
        equal_quality,
        equal_cost,
        growth,
        saturation,
        total_loss,
        total_price,
    )
)
"""Key → what makes the figure, the headline first."""
