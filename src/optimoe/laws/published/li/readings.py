"""Where eq. 2 of Li 2026, with the coefficients of Table 1, has its least loss: by what R may mean."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import Series, TextFigure
from optimoe.laws.catalog import find_published_law
from optimoe.laws.check import find_opted_in
from optimoe.laws.published.li.runs import ACTIVE_PARAMS, BUDGETS_FLOPS
from optimoe.laws.terms.ratio import total_of_active

Ratios = Float[np.ndarray, " ratios"]

READINGS: dict[str, Callable[[Ratios, float], Ratios]] = {
    "R = 0": lambda r, best: np.zeros_like(r),
    "R = −r": lambda r, best: -r,
    "R = |ln(r/r*)|": lambda r, best: np.abs(np.log(r / best)),
    "R = (ln(r/r*))²": lambda r, best: np.log(r / best) ** 2,
    "R = |r − r*|": lambda r, best: np.abs(r - best),
}
"""What the letter may stand for, r* being that of eq. 1."""
SPARSITY = 1 - 3 / 65
LOOKED = np.geomspace(1e-3, 10, 4001)
"""Ratios among which the least loss is sought: from no experts to hardly any attention."""
NEAR = 0.05
"""A twentieth of r*: its printed coefficients give it no better."""
SIZES = (ACTIVE_PARAMS[0], *ACTIVE_PARAMS[2:])
"""One size for each budget, ascending; assumed, as the paper does not say which it trained with which."""


def least_loss_by_reading() -> TextFigure:
    """Ratio of least loss by eq. 2 as printed, for each meaning that R may have."""
    rule = find_published_law("li2026-rstar")
    best = [float(rule.evaluate("r_star", {"S": SPARSITY, "C": flops})) for flops in BUDGETS_FLOPS]
    series = [Series(name="r* of eq. 1", x=BUDGETS_FLOPS, y=tuple(best))]
    for name, reading in READINGS.items():
        for words, fixed in (("fixed FLOPs", True), ("fixed N", False)):
            found = tuple(
                _least(reading, star, params, flops, moves=fixed)
                for star, params, flops in zip(best, SIZES, BUDGETS_FLOPS, strict=True)
            )
            series.append(Series(name=f"{name}, {words}", x=BUDGETS_FLOPS, y=found))
    return TextFigure(
        key="eq2",
        title=f"Ratio of least loss by eq. 2 as printed, S = {SPARSITY:.4g}",
        x="C, training FLOPs",
        y="r at the least loss",
        series=tuple(series),
        x_log=True,
        y_log=True,
        notes=(
            "coefficients of Table 1, whose floor of 13.7 nats moves no minimum; the paper does not define R",
            f"{LOOKED[0]:g} and {LOOKED[-1]:g} are the ends of the ratios that were looked at: no minimum between",
            "fixed FLOPs: N of the equation, all parameters, grows with r, so that even R = 0 has a minimum",
            "fixed N: all parameters as they are at r*, whatever r",
            f"within {NEAR:.0%} of r*: {_near(series[1:], best)}",
        ),
    )


def _near(readings: list[Series], best: list[float]) -> str:
    """How many budgets each reading gives r* at; those that give it nowhere are left out."""
    counts = {
        one.name: sum(abs(found / star - 1) < NEAR for found, star in zip(one.y, best, strict=True))
        for one in readings
    }
    said = [f"{name} at {count} of {len(best)} budgets" for name, count in counts.items() if count]
    return "; ".join((*said, "no other reading at any"))


def _least(
    reading: Callable[[Ratios, float], Ratios], best: float, params: float, flops: float, *, moves: bool
) -> float:
    """Ratio of least loss; N is the total of the active parameters at each r, or at r* for all."""
    total = total_of_active(params, 1 - SPARSITY, LOOKED if moves else np.full_like(LOOKED, best))
    inputs = {"N": total, "D": flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params), "S": SPARSITY, "r": LOOKED}
    law = find_opted_in("li2026-loss")
    loss = law.loss(**inputs, R=reading(LOOKED, best))  # type: ignore[attr-defined]
    return float(LOOKED[int(np.argmin(loss))])
