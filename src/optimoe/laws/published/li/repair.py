"""What App. B.3 of Li 2026 does to runs whose best ratio does not grow: its replacement of minima, tried."""

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import Series, TextFigure
from optimoe.laws.catalog import find_published_law
from optimoe.laws.fitting.answers.ratio import FLAT_NATS
from optimoe.laws.published.li.runs import NOISE_LOG, RATIOS, true_law

BUDGETS = np.geomspace(1e18, 1e21, 7)
SPARSITY = 1 - 3 / 65
PARAMS = 1e8
"""The middle sparsity and a size of the synthetic runs."""
FIXED_RATIO = 0.6
"""A ratio of the sweep: the best one at every budget, by assumption."""
RISES_NATS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""From a valley that the noise hides to twice that of the synthetic runs."""
REPEATS = 300


def repaired(
    loss: Float[np.ndarray, "budgets ratios"], ratios: Float[np.ndarray, " ratios"]
) -> Float[np.ndarray, " budgets"]:
    """Best ratio of each budget as App. B.3 has it: none falls, where a neighbour within 0.001 nats allows.

    Budgets ascend. A lowest run whose ratio lies below that of the budget before gives way to the smallest ratio
    that does not, if its loss is no more than 0.001 nats above the lowest; else it stays.
    """
    best = [float(ratios[np.argmin(loss[0])])]
    for row in loss[1:]:
        lowest = float(ratios[np.argmin(row)])
        allowed = ratios[(row <= row.min() + FLAT_NATS) & (ratios >= best[-1])]
        best.append(float(allowed.min()) if lowest < best[-1] and allowed.size else lowest)
    return np.array(best)


def growth_built_in() -> TextFigure:
    """Growth of the best ratio that App. B.3 builds into runs without any, by the depth of the valley."""
    curves: dict[str, list[Float[np.ndarray, " repeats"]]] = {"as measured": [], "after App. B.3": []}
    for rise in RISES_NATS:
        losses = _losses(rise)
        ratios = np.array(RATIOS)
        curves["as measured"].append(_growth(ratios[np.argmin(losses, axis=2)]))
        curves["after App. B.3"].append(_growth(np.stack([repaired(loss, ratios) for loss in losses])))
    printed = float(find_published_law("li2026-rstar").evaluate("beta_r", {"S": SPARSITY}))
    worst = max(float(values.mean()) for values in curves["after App. B.3"])
    return TextFigure(
        key="b3",
        title="Growth of r* that App. B.3 builds into runs without any",
        x="rise of the loss at a factor e off r*, nats",
        y="mean exponent of r* in C",
        series=(
            *(_mean(name, values) for name, values in curves.items()),
            Series(name="printed β_r at this S", x=RISES_NATS, y=(printed,) * len(RISES_NATS)),
        ),
        x_log=True,
        notes=(
            f"synthetic runs: {REPEATS} repeats of seven ratios at seven budgets, noise of {NOISE_LOG:.1%} in L "
            f"(assumed), r* = {FIXED_RATIO:g} at every budget; bands are two standard errors",
            "the rule as it is read here: a lowest run whose ratio lies below that of the budget before gives way "
            "to the smallest one that does not, within 0.001 nats",
            f"what it builds in is at most {worst:+.3f}, {worst / printed:.0%} of the printed exponent",
        ),
    )


def _losses(rise_nats: float) -> Float[np.ndarray, "repeats budgets ratios"]:
    """Repeats of runs whose loss is a parabola in ln r around one ratio, on the level of the synthetic runs."""
    at = np.log(np.array(RATIOS) / FIXED_RATIO)
    tokens = BUDGETS / (TRAIN_FLOPS_PER_PARAM_TOKEN * PARAMS)
    level = np.asarray(true_law().evaluate("L", {"N": PARAMS, "D": tokens, "S": SPARSITY, "r": 1.0, "C": BUDGETS}))
    noise = NOISE_LOG * np.random.default_rng(0).standard_normal((REPEATS, len(BUDGETS), len(at)))
    return (level[:, None] + rise_nats * at**2) * np.exp(noise)


def _growth(best: Float[np.ndarray, "repeats budgets"]) -> Float[np.ndarray, " repeats"]:
    """Slope of ln r* on ln C, repeat by repeat."""
    offset = np.log(BUDGETS) - np.log(BUDGETS).mean()
    return np.asarray(np.log(best) @ offset / (offset @ offset))


def _mean(name: str, growths: list[Float[np.ndarray, " repeats"]]) -> Series:
    """The mean growth at each depth of the valley, with two standard errors."""
    means = [float(values.mean()) for values in growths]
    reach = [float(2 * values.std(ddof=1) / len(values) ** 0.5) for values in growths]
    return Series(
        name=name,
        x=RISES_NATS,
        y=tuple(means),
        low=tuple(mean - one for mean, one in zip(means, reach, strict=True)),
        high=tuple(mean + one for mean, one in zip(means, reach, strict=True)),
    )
