"""Infer the coefficients of Yun et al. 2024 from what the paper prints, and write them as an inferred law.

None of the ten coefficients of its loss law (arXiv 2404.02852, eq. 4) was published, but numbers that follow from
it were: optima, sizes and FLOPs at equal loss. What these leave of a stated prior is the posterior; its draws go
into the file. Claims that hang on serving prices are not used: they stay to be judged under the law.

::

    python benchmarks/yun_inferred.py --date 2026-11-28 --out src/optimoe/laws/data/own
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import printed_range
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.evidence import Evidence
from optimoe.laws.families.forms import Yun
from optimoe.laws.law import LawRow

NAME, FORM = "yun2024-inferred", "yun2024-loss"
Column = Float[np.ndarray, "draws 1"]

LOW, HIGH = (2.12e21, 5.96e21), (5.15e21, 8.18e21)
"""Budgets that the printed ranges are over: sizes against dense optima, and the over-trained models."""
SIZES = np.exp(np.linspace(np.log(2e8), np.log(1e11), 140))[None]
"""N on which an optimum is looked for, 4.6 % apart; a parabola finds it between them."""
MISREAD = 0.03
"""Standard deviation of ln of a printed number (assumed: they searched shapes, half a step of 6 % apart)."""
BUDGETS = (1e20, 1e23)
"""Between which the unstated budgets of one claim lie (assumed: around all that the paper states)."""
LOG_N0, LOG_D0, LOSS_0 = np.log(7.3e8), np.log(2e10), 2.6
"""Its largest run, and a loss on SlimPajama there (assumed, ± 0.3): ratios of sizes do not tell its level."""


@dataclass(frozen=True, kw_only=True)
class Coordinate:
    """One coordinate of the search: normal before any claim is looked at.

    Attributes:
        mean, std: Of the prior; of the logarithm where ``log``.
        source: Where it is from.
        log: Whether the coordinate is a logarithm.
    """

    mean: float
    std: float
    source: str
    log: bool = False


COORDINATES = {
    "A": Coordinate(mean=np.log(0.4), std=np.log(2), log=True, source="size term of its largest run: assumed"),
    "alpha": Coordinate(mean=0.34, std=0.15, source="besiroglu2024; ± holds published exponents from 0.1 to 0.6"),
    "B": Coordinate(mean=np.log(0.3), std=np.log(3), log=True, source="gain of many experts, nats: assumed"),
    "beta": Coordinate(mean=0.3, std=0.5, source="assumed: any curve from logarithm to step"),
    "C": Coordinate(mean=np.log(0.4), std=np.log(2), log=True, source="data term of its largest run: assumed"),
    "gamma": Coordinate(mean=0.32, std=0.15, source="between hoffmann2022 and besiroglu2024; ± as alpha"),
    "F": Coordinate(mean=1.6, std=0.5, source="printed floors of Chinchilla's form, 1.69 to 1.82, and lower ones"),
    "d": Coordinate(mean=0.0, std=0.01, source="clark2022's interaction is 0.004 in these units; either sign"),
    "E_start": Coordinate(mean=np.log(2), std=np.log(2), log=True, source="clark2022 (1.8 to 4.2)"),
    "E_max": Coordinate(mean=np.log(300), std=np.log(3.3), log=True, source="clark2022 (314 to 478)"),
}
"""Coefficients, then two budgets that one claim does not state."""
SOLVED = 12
"""Halvings of the interval in which a ratio of FLOPs is looked for: to 2e-3 of its logarithm."""
DRAWS, SEED, DIGITS = 200, 2026, 6


def coefficients(points: Float[np.ndarray, "draws 12"]) -> dict[str, Column]:
    """Coefficients of the law by name, from coordinates; A and C from the terms of the largest run."""
    columns = dict(zip(COORDINATES, points.T[:, :, None], strict=False))
    values = {name: np.exp(column) if COORDINATES[name].log else column for name, column in columns.items()}
    values["A"] = values["A"] * np.exp(values["alpha"] * LOG_N0)
    values["C"] = values["C"] * np.exp(values["gamma"] * LOG_D0)
    return values


def law_of(columns: dict[str, Any]) -> Yun:
    """Many laws in one, from columns of coefficients."""
    return Yun(find_law(FORM).row.with_coefficients(columns))


def losses(law: Yun, experts: int, budget: Any) -> Float[np.ndarray, "draws sizes"]:
    """Losses of every size, the whole budget spent as they count it: 6·N·D with N of the dense twin."""
    return np.asarray(law.loss(SIZES, budget / (TRAIN_FLOPS_PER_PARAM_TOKEN * SIZES), experts))


def optimum(loss: Float[np.ndarray, "draws sizes"]) -> tuple[np.ndarray, np.ndarray]:
    """Find ln N of the lowest loss and that loss, by a parabola; NaN at an end of the sizes."""
    best, rows = loss.argmin(axis=1), np.arange(len(loss))
    inner = np.clip(best, 1, loss.shape[1] - 2)
    left, middle, right = loss[rows, inner - 1], loss[rows, inner], loss[rows, inner + 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # no parabola where losses are alike
        shift = 0.5 * (left - right) / (left - 2 * middle + right)
    step = np.log(SIZES[0, 1] / SIZES[0, 0])
    size = np.where(best == inner, np.log(SIZES[0, inner]) + shift * step, np.nan)
    return size, middle - 0.25 * (left - right) * shift


def smallest(loss: Float[np.ndarray, "draws sizes"], target: np.ndarray) -> np.ndarray:
    """Find ln N of the smallest size that reaches a loss with the whole budget; NaN where none or all do."""
    reached, rows = loss <= target[:, None], np.arange(len(loss))
    first = reached.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # those at an end of the sizes are left out below
        share = (loss[rows, before] - target) / (loss[rows, before] - loss[rows, first])
    between = np.log(SIZES[0, before]) + share * np.log(SIZES[0, 1] / SIZES[0, 0])
    return np.where(first > 0, between, np.nan)


def flops_ratio(law: Yun, log_budget: np.ndarray) -> np.ndarray:
    """Find ln of the FLOPs of 16 experts over those of 4 at the loss of the latter's optimum, by halving."""
    _, target = optimum(losses(law, 4, np.exp(log_budget)[:, None]))
    low, high = np.full(len(target), np.log(1e-3)), np.full(len(target), np.log(3.0))
    for _ in range(SOLVED):
        middle = (low + high) / 2
        above = optimum(losses(law, 16, np.exp(log_budget + middle)[:, None]))[1] > target
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


CLAIMS = {
    "loss-optimal dense N at 2.12e21 FLOP": "3.36B",
    "loss-optimal dense N at 5.96e21 FLOP": "6.14B",
    "8 experts of the dense optimum's loss over its size, least": "23.3%",
    "8 experts of the dense optimum's loss over its size, most": "28.2%",
    "the same over the 4-expert optimum, least": "21.0%",
    "the same over the 4-expert optimum, most": "25.1%",
    "16 experts of the 4-expert optimum's loss over their own optimum": "16%",
    "FLOPs of 16 experts over 4 at equal loss, small budget": "42.8%",
    "FLOPs of 16 experts over 4 at equal loss, large budget": "23.7%",
}
"""Printed numbers that follow from the loss law alone, in the order of :func:`answers`.

The second size claim is read as the same 8-expert model against another optimum: 0.233/0.210 = 1.11 and
0.282/0.251 = 1.12, one ratio of optima. Read as 8 experts of the 4-expert optimum's loss, the sizes that
reach it can be no smaller than those of the dense optimum's loss, and the two claims pull apart (docs/log.md).
"""


def size_answers(law: Yun) -> Float[np.ndarray, "draws sizes"]:
    """What the laws say to those of :data:`CLAIMS` that are about sizes, in logarithms."""
    columns = []
    for budget in LOW:
        size, loss = optimum(losses(law, 1, budget))
        eight = smallest(losses(law, 8, budget), loss)
        columns.append((size, eight - size, eight - optimum(losses(law, 4, budget))[0]))
    (first, to_dense, to_four), (second, to_dense_2, to_four_2) = columns
    own = []
    for budget in HIGH:
        sixteen = losses(law, 16, budget)
        own.append(smallest(sixteen, optimum(losses(law, 4, budget))[1]) - optimum(sixteen)[0])
    ends = (*_ends(to_dense, to_dense_2), *_ends(to_four, to_four_2))
    return np.stack([first, second, *ends, sum(own) / len(own)], axis=1)


def answers(points: Float[np.ndarray, "draws 12"]) -> Float[np.ndarray, "draws claims"]:
    """What the laws say to each of :data:`CLAIMS`, in logarithms; the last two at budgets of their own."""
    law = law_of(coefficients(points))
    ratios = [flops_ratio(law, points[:, at]) for at in (-2, -1)]
    return np.hstack([size_answers(law), np.stack(ratios, axis=1)])


def log_posterior(points: Float[np.ndarray, "draws 12"]) -> np.ndarray:
    """Prior and claims together, without its constant; −inf where a law is none or an optimum is out of reach."""
    scaled = [(points[:, at] - one.mean) / one.std for at, one in enumerate(COORDINATES.values())]
    columns = {name: column[:, 0] for name, column in coefficients(points).items()}
    budgets = points[:, -2:]
    possible = np.all([columns[name] > 0 for name in ("alpha", "beta", "gamma", "F")], axis=0)
    possible &= (columns["E_start"] > 1) & (columns["E_start"] < columns["E_max"])
    possible &= (budgets[:, 0] < budgets[:, 1]) & (budgets > np.log(BUDGETS[0])).all(axis=1)
    possible &= (budgets < np.log(BUDGETS[1])).all(axis=1)
    value = np.full(len(points), -np.inf)
    if possible.any():
        kept = points[possible]
        printed = np.log([sum(printed_range(text)) / 2 for text in CLAIMS.values()])
        missed = (answers(kept) - printed) / MISREAD
        law = law_of(coefficients(kept))
        level = (np.asarray(law.loss(np.exp(LOG_N0), np.exp(LOG_D0), 1))[:, 0] - LOSS_0) / 0.3
        prior = np.sum(np.square(scaled), axis=0)[possible]
        found = -0.5 * (prior + np.sum(missed**2, axis=1) + level**2)
        value[possible] = np.where(np.isfinite(found), found, -np.inf)
    return value


def sample(rounds: int, walkers: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the posterior by differential evolution (ter Braak 2006), with their values.

    A walker moves along the difference of two others, times 2.38/√(2·12), every tenth round times 1. The first
    half of the rounds is not kept; the first quarter is hot (temperature from 20 to 1).
    """
    start = np.array([[one.mean, one.std] for one in COORDINATES.values()])
    points = start[:, 0] + 0.5 * start[:, 1] * random.standard_normal((50 * walkers, len(start)))
    budgets = np.sort(random.uniform(*np.log(BUDGETS), (len(points), 2)), axis=1)
    points = np.hstack([np.abs(points) * np.sign(start[:, 0] + (start[:, 0] == 0)), budgets])
    values = np.concatenate([log_posterior(part) for part in np.array_split(points, 50)])
    best = np.argsort(-values)[:walkers]
    points, values, kept, heights = points[best], values[best], [], []
    for number in range(rounds):
        heat = max(1.0, 20.0 * (1 - number / (0.25 * rounds)))
        for half in (0, 1):
            mine, others = np.arange(half, walkers, 2), np.arange(1 - half, walkers, 2)
            pairs = np.array([random.choice(others, 2, replace=False) for _ in mine])
            length = 1.0 if number % 10 == 9 else 2.38 / np.sqrt(2 * points.shape[1])
            moved = points[mine] + length * (points[pairs[:, 0]] - points[pairs[:, 1]])
            moved += 1e-4 * random.standard_normal(moved.shape)
            reached = log_posterior(moved)
            taken = np.log(random.random(len(mine))) < (reached - values[mine]) / heat
            points[mine[taken]], values[mine[taken]] = moved[taken], reached[taken]
        if number >= 0.5 * rounds and number % 10 == 0:
            kept.append(points.copy())
            heights.append(values.copy())
    return np.concatenate(kept), np.concatenate(heights)


def law_row(points: np.ndarray, values: np.ndarray, date: str, random: np.random.Generator) -> LawRow:
    """The law: the most probable draw as coefficients, and draws."""
    form = find_law(FORM).row
    columns = coefficients(points[random.choice(len(points), DRAWS, replace=False)])
    best = coefficients(points[[values.argmax()]])
    return LawRow(
        name=NAME,
        family=form.family,
        source="inferred from numbers that Yun et al. 2024 print, arXiv 2404.02852, Sec. 5",
        status="inferred",
        n_convention=form.n_convention,
        log_base="e",
        coefficients={name: float(f"{column[0, 0]:.{DIGITS}g}") for name, column in best.items()},
        units=form.units,
        range=form.range,
        rmse_log=3.908e-3,
        rmse_source="printed, App. D: of its own fit",
        notes="Coefficients that were never published, as printed optima and ratios at equal loss leave a prior: "
        "benchmarks/yun_inferred.py has the claims, the prior and how far each claim is met. The level of the "
        "loss is the prior's.",
        draws={
            name: tuple(float(f"{value:.{DIGITS}g}") for value in column[:, 0]) for name, column in columns.items()
        },
        domain=form.domain,
        evidence=Evidence(
            objective=f"posterior of {len(CLAIMS)} printed numbers, normal(log scale {MISREAD:g}), and a prior",
            weakest=("E_max", "B", "beta"),
            date=date,
        ),
    )


def tables(points: np.ndarray) -> None:
    """Print what is left of the prior, and how far each claim is met."""
    columns = coefficients(points)
    prior = coefficients(
        np.array([[one.mean + k * one.std for one in COORDINATES.values()] + [0, 0] for k in (-1.645, 0, 1.645)])
    )
    print(f"{'':10}{'posterior 5, 50, 95 %':>34}   prior 5, 50, 95 %")
    for name in COORDINATES:
        left, before = np.quantile(columns[name], (0.05, 0.5, 0.95)), prior[name][:, 0]
        after = "".join(f"{value:11.4g}" for value in left)
        print(f"{name:10}{after}  " + "".join(f"{value:10.3g}" for value in before))
    print()
    for (words, printed), values in zip(CLAIMS.items(), answers(points).T, strict=True):
        low, middle, high = np.exp(np.quantile(values, (0.05, 0.5, 0.95)))
        print(f"{words:70}{printed:>8}  {middle:.4g} ({low:.4g} – {high:.4g})")


def main(words: Sequence[str]) -> None:
    """Sample, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the law file")
    parser.add_argument("--date", required=True, help="day of the run, ISO 8601")
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--walkers", type=int, default=120)
    stated = parser.parse_args(words)
    random = np.random.default_rng(SEED)
    points, values = sample(stated.rounds, stated.walkers, random)
    print(f"{len(points):,} draws, log posterior {np.median(values):.1f} (most {values.max():.1f})")
    for part in np.array_split(np.log(coefficients(points)["E_max"][:, 0]), 4):
        print(f"  ln E_max in a quarter of the chain: {part.mean():.2f} ± {part.std():.2f}")
    tables(points)
    if stated.out:
        save_law(law_row(points, values, stated.date, random), stated.out / f"{NAME}.toml")


def _ends(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(first, second), np.maximum(first, second)


if __name__ == "__main__":
    main(sys.argv[1:])
