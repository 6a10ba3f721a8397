"""IsoFLOP analysis: the best size at each budget by a parabola through the runs, and by laws beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.answers.budgets import Budget, Parabola, find_budgets, parabola_of, redrawn
from optimoe.laws.fitting.answers.drawn import DrawnNumber, estimate, exponent, with_draws
from optimoe.laws.fitting.model import variables_of
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

SIZES = ("N_act", "N")
"""What is traded against tokens: the first that the runs have."""
GRID = 2001
"""Sizes at which a law is asked along a budget; the lowest three are refined by the parabola through them."""
AT_EDGE = 0.999
"""Share of the reach beyond the sizes at which a minimum is the end of the grid: its last step, of 2,000."""


@dataclass(frozen=True, kw_only=True)
class LawMinimum:
    """The best size of one law at one budget.

    Attributes:
        law: Its name.
        params: Minimum of the law along the budget, the other variables as in its runs.
        params_parabola: The parabola's answer if the runs lay exactly on the law.
        bias_log: ln(params_parabola/params): what the parabola itself gets wrong.
        inside: Whether the minimum lies between the sizes of the parabola.
        at_edge: Whether the minimum lies at the end of the sizes that were looked at.
    """

    law: str
    params: DrawnNumber
    params_parabola: float
    bias_log: float
    inside: bool
    at_edge: bool


@dataclass(frozen=True, kw_only=True)
class IsoFlop:
    """One budget of an IsoFLOP analysis.

    Attributes:
        train_flops: C.
        runs: How many runs it has.
        window: How many of them the parabola goes through.
        params: Minimum of the parabola of L in ln N; NaN where it opens downwards.
        tokens: Tokens there, read off the runs.
        loss: Loss there, nats per token.
        scatter_log: Root mean square of L_run/L_parabola − 1 in the window.
        inside: Whether the minimum lies between the sizes of the window.
        laws: The minimum of each law.
    """

    train_flops: float
    runs: int
    window: int
    params: DrawnNumber
    tokens: DrawnNumber
    loss: float
    scatter_log: float
    inside: bool
    laws: tuple[LawMinimum, ...]


@dataclass(frozen=True, kw_only=True)
class IsoFlopAnalysis:
    """All budgets, and the powers of C that the best sizes and tokens follow.

    The parabola is a local picture: L(ln N) at fixed C is a sum of two exponentials, steeper on the side of the
    larger exponent, so that its minimum is off by an amount that depends on where and how wide one samples
    (``bias_log``). A law's own minimum has no such bias; it has that of its form.

    Attributes:
        size: The variable that stands for size, N or N_act.
        budgets: One entry a budget, ascending.
        params: Exponent a of N_opt ∝ C^a through the parabolas' minima that lie inside; NaN with fewer than two.
        tokens: Exponent b of D_opt ∝ C^b through the tokens there.
        laws: Exponent a of each law's minima at the same budgets, by name.
        skipped: Budgets with too few sizes, in words.
    """

    size: str
    budgets: tuple[IsoFlop, ...]
    params: DrawnNumber
    tokens: DrawnNumber
    laws: dict[str, DrawnNumber]
    skipped: tuple[str, ...]


def analyse_isoflop(
    observations: Observations,
    laws: Sequence[LawRow] = (),
    *,
    budgets: str = "",
    window: int = 7,
    tolerance: float = 0.1,
    resamples: int = 200,
    level: float = 0.9,
    seed: int = 0,
) -> IsoFlopAnalysis:
    """Parabolas through runs of equal training FLOPs around their minimum, beside the optimum of laws.

    A parabola through *all* sizes of a budget follows its far ends, where the loss is none: only ``window`` sizes
    around the lowest loss count. Intervals are those of a residual bootstrap: each run gets a residual drawn from
    all budgets together, widened by √(n/(n − 3)); a law has the interval of its draws (``LawRow.draws``).

    Args:
        observations: Runs with a size (N_act or N) and D.
        laws: Laws in these variables: direct fits, or published ones.
        budgets: Label or variable that holds the budget; otherwise runs whose C lies within ``tolerance`` of each
            other.
        window: Sizes around the minimum that the parabola goes through, 4 or more.
        tolerance: Relative.
        resamples: Of the bootstrap; 0 for no intervals.
        level: Of the intervals.
        seed: Of the bootstrap.

    Raises:
        ConfigError: No budget has four sizes, or the runs have no size or tokens.
        UnknownNameError: The runs lack a variable of a law.
    """
    size = next((name for name in SIZES if name in observations.variables), None)
    if size is None or "D" not in observations.variables:
        raise ConfigError("observations: need a size (N or N_act) and D, which are traded at equal FLOPs")
    found, skipped = find_budgets(observations, size, label=budgets, window=window, tolerance=tolerance)
    for law in laws:
        variables_of(find_family(law.family), observations)
    parabolas = [parabola_of(budget) for budget in found]
    draws = redrawn(parabolas, resamples, seed)
    minima = [[_law_minima(law, budget) for law in laws] for budget in found]
    analysed = [_at_budget(*parts, laws, level) for parts in zip(found, parabolas, draws, minima, strict=True)]
    flops = np.array([budget.train_flops for budget in found])
    kept = [number for number, budget in enumerate(analysed) if budget.inside]
    tokens = [_tokens_at(budget, drawn) for budget, drawn in zip(found, draws, strict=True)]
    return IsoFlopAnalysis(
        size=size,
        budgets=tuple(analysed),
        params=_power(flops, draws, kept, level),
        tokens=_power(flops, tokens, kept, level),
        laws={
            law.name: _power(flops, [row[column] for row in minima], range(len(found)), level)
            for column, law in enumerate(laws)
        },
        skipped=skipped,
    )


def _power(
    flops: Float[np.ndarray, " budgets"],
    optima: Sequence[Float[np.ndarray, " draws"]],
    kept: Sequence[int],
    level: float,
) -> DrawnNumber:
    """The exponent through the first optimum of each budget, with the interval of the others."""
    table = np.stack([optima[number] for number in kept], axis=1) if len(kept) else np.empty((1, 0))
    return exponent(flops[list(kept)], table[0], table[1:], level)


def _tokens_at(budget: Budget, params: Float[np.ndarray, " draws"]) -> Float[np.ndarray, " draws"]:
    """Tokens at sizes of a budget, NaN where there is no size."""
    known = np.isfinite(params)
    return np.where(known, budget.at(np.where(known, params, budget.params[0]))["D"], np.nan)


def _at_budget(
    budget: Budget,
    parabola: Parabola,
    draws: Float[np.ndarray, " draws"],
    minima: Sequence[Float[np.ndarray, " law_draws"]],
    laws: Sequence[LawRow],
    level: float,
) -> IsoFlop:
    best, near = float(draws[0]), budget.params[budget.near]
    tokens = _tokens_at(budget, draws)
    return IsoFlop(
        train_flops=budget.train_flops,
        runs=len(budget.loss),
        window=len(near),
        params=estimate(best, draws[1:], level),
        tokens=estimate(float(tokens[0]), tokens[1:], level),
        loss=parabola.height(best),
        scatter_log=float(np.sqrt(np.mean(parabola.residual**2))),
        inside=bool(near.min() <= best <= near.max()),
        laws=tuple(_law_at(law, budget, parabola, found, level) for law, found in zip(laws, minima, strict=True)),
    )


def _law_at(
    law: LawRow, budget: Budget, parabola: Parabola, minima: Float[np.ndarray, " draws"], level: float
) -> LawMinimum:
    near = budget.params[budget.near]
    loss = _losses(law, budget)(near)[:1]
    if len(loss[0]) != len(parabola.loss):
        raise ConfigError(f"law {law.name}: must give one loss a run, got {len(loss[0])}")
    of_law = float(parabola.minima(loss)[0])
    beyond = (np.log(budget.params.min() / minima[0]), np.log(minima[0] / budget.params.max()))
    return LawMinimum(
        law=law.name,
        params=estimate(float(minima[0]), minima[1:], level),
        params_parabola=of_law,
        bias_log=float(np.log(of_law / minima[0])),
        inside=bool(near.min() <= minima[0] <= near.max()),
        at_edge=bool(max(beyond) >= AT_EDGE * budget.reach),
    )


def _losses(law: LawRow, budget: Budget) -> Callable[[np.ndarray], Float[np.ndarray, "draws sizes"]]:
    """The law along the budget: at its coefficients first, then one row a draw."""
    many = with_draws(law)
    names = variables_of(type(many), Observations(variables=budget.variables, loss=budget.loss))

    def losses(params: np.ndarray) -> Float[np.ndarray, "draws sizes"]:
        values = budget.at(params)
        return np.atleast_2d(many.loss(**{name: values[name] for name in names}))

    return losses


def _law_minima(law: LawRow, budget: Budget) -> Float[np.ndarray, " draws"]:
    """The law's best size at the budget, of its coefficients and of every draw."""
    log_low, log_high = np.log(budget.params.min()) - budget.reach, np.log(budget.params.max()) + budget.reach
    grid = np.linspace(log_low, log_high, GRID)
    loss = _losses(law, budget)(np.exp(grid))
    rows, best = np.arange(len(loss)), np.clip(np.argmin(loss, axis=1), 1, GRID - 2)
    before, middle, after = loss[rows, best - 1], loss[rows, best], loss[rows, best + 1]
    bend = before - 2 * middle + after
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.where(bend > 0, 0.5 * (before - after) / bend, 0.0)
    return np.exp(grid[best] + np.clip(shift, -1, 1) * (grid[1] - grid[0]))
