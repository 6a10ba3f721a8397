"""IsoFLOP analysis: parabolas through the runs of a budget beside the law's own optimum, and their bias."""

from dataclasses import dataclass

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import ConfigError, require
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.gradients import FittableLaw
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

FEWEST_RUNS = 4
"""Through three runs a parabola always passes, and says nothing."""
GRID = 4001
GRID_DECADES = 3.0
"""The law's own minimum is looked for this far on both sides of the runs, in steps of 0.35 %, and refined by the
parabola through the lowest three points."""


@dataclass(frozen=True, kw_only=True)
class IsoFlop:
    """One budget of an IsoFLOP analysis: the best size by parabola and by law.

    Attributes:
        train_flops: C.
        runs: How many runs.
        params_parabola: Minimum of the parabola of L in ln N through the runs; NaN where it opens downwards.
        params_direct: Minimum of the law at C = 6ND.
        params_parabola_of_law: The parabola's answer if the runs lay exactly on the law.
        bias_log: ln(params_parabola_of_law/params_direct): what the parabola method itself gets wrong.
        inside: Whether the parabola's minimum lies between the sizes that were trained.
    """

    train_flops: float
    runs: int
    params_parabola: float
    params_direct: float
    params_parabola_of_law: float
    bias_log: float
    inside: bool


@dataclass(frozen=True, kw_only=True)
class IsoFlopAnalysis:
    """All budgets, and the exponents a of N_opt ∝ C^a.

    The parabola is a local picture: L(ln N) at fixed C is a sum of two exponentials, steeper on the side of
    the larger exponent, so its minimum is off by an amount that depends on where and how wide one samples
    (``bias_log``; it moves the exponent when the sampled range drifts with C). The direct fit has no such
    bias.

    Attributes:
        budgets: One entry a budget, ascending.
        exponent_parabola: Through the parabolas' minima that lie inside; NaN with fewer than two.
        exponent_direct: Through the law's minima at the same budgets.
    """

    budgets: tuple[IsoFlop, ...]
    exponent_parabola: float
    exponent_direct: float


def analyse_isoflop(
    observations: Observations, law: LawRow, *, budgets: str = "", tolerance: float = 0.1
) -> IsoFlopAnalysis:
    """Parabolas through runs of equal training FLOPs, beside the law's own optimum.

    Args:
        observations: Runs with a law's size (N or N_act) and D.
        law: The direct fit; its other variables must not vary within a budget.
        budgets: Label that holds the budget; otherwise runs whose C lies within ``tolerance`` of each other.
        tolerance: Relative.

    Raises:
        ConfigError: No budget has four runs, or the law has no size.
    """
    family = find_family(law.family)
    model = family(law)
    symbols = variables_of(family, observations)
    size = next((name for name in ("N_act", "N") if name in symbols), None)
    if size is None or "D" not in symbols:
        raise ConfigError(f"law {law.name}: has no size and tokens to trade at equal FLOPs")
    group = _budget_groups(observations, budgets, tolerance)
    rows = [np.flatnonzero(group == number) for number in range(int(group.max()) + 1)]
    rows = [row for row in rows if len(set(observations.column(size)[row])) >= FEWEST_RUNS]
    require(rows, "observations", f"with {FEWEST_RUNS} sizes at one budget", "none")

    analysed = sorted(
        (_at_budget(observations.select(np.isin(np.arange(len(group)), row)), model, size) for row in rows),
        key=lambda budget: budget.train_flops,
    )
    return IsoFlopAnalysis(
        budgets=tuple(analysed),
        exponent_parabola=_slope([(b.train_flops, b.params_parabola) for b in analysed if b.inside]),
        exponent_direct=_slope([(b.train_flops, b.params_direct) for b in analysed]),
    )


def _at_budget(runs: Observations, model: FittableLaw, size: str) -> IsoFlop:
    params, flops = runs.column(size), float(np.exp(np.log(runs.size).mean()))
    others = {name: column[0] for name, column in variables_of(type(model), runs).items()}

    def losses(trial: np.ndarray) -> np.ndarray:
        tokens = flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * trial)
        return np.asarray(model.loss(**others | {size: trial, "D": tokens}))

    lowest, of_law = _parabola(params, runs.loss), _parabola(params, losses(params))
    grid = np.exp(np.linspace(-1, 1, GRID) * np.log(10) * GRID_DECADES + np.log(params).mean())
    best = int(np.clip(np.argmin(losses(grid)), 1, GRID - 2))
    near = grid[best - 1 : best + 2]
    direct = _parabola(near, losses(near))
    return IsoFlop(
        train_flops=flops,
        runs=len(runs),
        params_parabola=lowest,
        params_direct=direct,
        params_parabola_of_law=of_law,
        bias_log=float(np.log(of_law / direct)),
        inside=bool(params.min() <= lowest <= params.max()),
    )


def _budget_groups(observations: Observations, label: str, tolerance: float) -> np.ndarray:
    if label:
        return np.unique(observations.labels[label], return_inverse=True)[1]
    flops = observations.size
    order = np.argsort(flops)
    jumps = np.diff(np.log(flops[order])) > np.log1p(tolerance)
    group = np.empty(len(flops), dtype=int)
    group[order] = np.concatenate([[0], np.cumsum(jumps)])
    return group


def _parabola(params: np.ndarray, loss: np.ndarray) -> float:
    """The N at the minimum of a quadratic in ln N; NaN where it has none."""
    centre = float(np.log(params).mean())
    bend, slope, _ = np.polyfit(np.log(params) - centre, loss, 2)
    return float(np.exp(centre - slope / (2 * bend))) if bend > 0 else float("nan")


def _slope(points: list[tuple[float, float]]) -> float:
    if len(points) < 2:
        return float("nan")
    flops, params = np.log(np.array(points)).T
    return float(np.polyfit(flops, params, 1)[0])
