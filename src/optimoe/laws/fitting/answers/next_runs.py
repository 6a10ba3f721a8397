"""Which runs to do next: those that shrink the uncertainty of a law or a decision most for their cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, require
from optimoe.core.formulas import evaluate
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.fit import Fit
from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.setup.problem import make_model
from optimoe.laws.gradients import FittableLaw, gradient_of
from optimoe.laws.runs import Observations

DIFFERENCE = 1e-5
"""Step in a coordinate for the slope of a decision: truncation 1e-10, rounding 1e-11 of the decision."""
STEPS = 9
"""Values of a variable on a grid that nobody states: factors of two over more than two decades."""
BEYOND = 4.0
"""How far beyond the runs at hand such a grid reaches: a usual step from one ladder to the next (assumed)."""
FINISHED = 2.0
"""Tokens per parameter below which a run is early training, which laws of finished runs do not cover (assumed:
where laws of several corpora begin to fail)."""
ROUNDING = 1 + 1e-9
"""The corners of a grid are the corners of the runs, but for rounding."""
FEW_VALUES = 8
"""A variable of the runs with no more values than this (experts, shared experts) keeps those."""


@dataclass(frozen=True, kw_only=True)
class NextRuns:
    """A choice among candidates, in the order of choosing.

    Attributes:
        chosen: Numbers of the candidates, each at most once.
        cost: Of all of them, in the unit of the budget.
        before: Standard deviation of what is to be shrunk, from the runs at hand: of ln L averaged over the
            targets (I), of the decision, or the geometric mean over coordinates (D).
        after: The same with the chosen runs added.
    """

    chosen: tuple[int, ...]
    cost: float
    before: float
    after: float


def next_runs(
    observations: Observations,
    fitted: Fit,
    candidates: Mapping[str, Float[np.ndarray, " candidates"]],
    costs: Float[np.ndarray, " candidates"],
    budget: float,
    *,
    most: int = 1000,
    criterion: Literal["D", "I", "decision"] = "D",
    targets: Mapping[str, Float[np.ndarray, " targets"]] | None = None,
    decision: Callable[[FittableLaw], float] | None = None,
) -> NextRuns:
    """Choose runs greedily, from the linearised covariance of the fit.

    Information M = Σ J Jᵀ/σ² over runs, J = d ln L/d coordinates, σ the fit's rmse. Criteria, as −gain:
    D: ln det M⁻¹; I: mean over targets of JᵀM⁻¹J; decision: gᵀM⁻¹g with g the gradient of the decision.
    A candidate is taken at most once: a law's misfit does not average out over repeats of one run.
    Two greedy orders are tried, by gain per cost and by gain, and the better one is taken: of a submodular gain
    (D) it is within 32 % of the best under a budget, 63 % at equal costs (Nemhauser 1978; Leskovec 2007).

    Args:
        observations: The runs at hand.
        fitted: Their fit.
        candidates: Designs in the law's variables.
        costs: Of each, such as 6ND FLOPs.
        budget: What may be spent, in the unit of ``costs``.
        most: How many runs at most.
        criterion: What to shrink.
        targets: For I: the designs whose loss matters.
        decision: For decision: a number derived from a law, such as ``lambda law: law.optimal_params(1e24)``.

    Raises:
        ConfigError: ``targets`` or ``decision`` is missing, or no candidate is affordable.
    """
    require(budget >= np.min(costs), "budget", f"at least the cheapest candidate ({np.min(costs):g})", budget)
    model = make_model(observations, fitted.law.family, fitted.options)
    point = model.coordinates(fitted.coefficients)
    free = (model.low < point) & (point < model.high)
    sigma = max(fitted.rmse_log, 1e-12)
    own = model.predict(point[None])[1][0][free] / sigma
    rows = _gradients(model, fitted, candidates, free) / sigma
    aim = _aim(model, fitted, point, free, criterion, targets, decision)
    require(most >= 1, "most", "at least 1 run", most)
    start = np.linalg.pinv(own @ own.T)
    orders = [_greedy(start, rows, costs, budget, aim, most, per_cost) for per_cost in (True, False)]
    chosen, covariance = min(orders, key=lambda order: _spread(order[1], aim))
    return NextRuns(
        chosen=chosen,
        cost=float(np.sum(costs[list(chosen)])),
        before=_spread(start, aim),
        after=_spread(covariance, aim),
    )


def _greedy(
    covariance: Float[np.ndarray, "coordinates coordinates"],
    rows: Float[np.ndarray, "coordinates candidates"],
    costs: Float[np.ndarray, " candidates"],
    budget: float,
    aim: np.ndarray | None,
    most: int,
    per_cost: bool,
) -> tuple[tuple[int, ...], Float[np.ndarray, "coordinates coordinates"]]:
    """Take one candidate after the other by gain, or by gain per cost, until the budget or the number is spent."""
    left = budget
    chosen: list[int] = []
    while len(chosen) < most and (open_ := np.setdiff1d(np.flatnonzero(costs <= left), chosen)).size:
        moved = covariance @ rows[:, open_]
        leverage = 1 + (rows[:, open_] * moved).sum(axis=0)
        gain = np.log(leverage) if aim is None else ((aim.T @ moved) ** 2).sum(axis=0) / leverage
        best = int(np.argmax(gain / costs[open_] if per_cost else gain))
        covariance = covariance - np.outer(moved[:, best], moved[:, best]) / leverage[best]
        chosen.append(int(open_[best]))
        left -= float(costs[open_[best]])
    return tuple(chosen), covariance


def _gradients(
    model: Model, fitted: Fit, designs: Mapping[str, np.ndarray], free: np.ndarray
) -> Float[np.ndarray, "coordinates designs"]:
    """D ln L/d coordinates at designs that were not run."""
    law = find_family(fitted.law.family)(fitted.law)
    gradient, loss = gradient_of(law, designs), np.asarray(law.loss(**designs))
    chain = np.array([fitted.coefficients[name] for name in model.names])
    chain = np.where(model.is_log, chain, 1.0)
    rows = np.stack([np.broadcast_to(model.slopes(gradient, name), loss.shape) for name in model.names])
    return (rows * chain[:, None] / loss)[free]


def _aim(
    model: Model,
    fitted: Fit,
    point: np.ndarray,
    free: np.ndarray,
    criterion: str,
    targets: Mapping[str, np.ndarray] | None,
    decision: Callable[[FittableLaw], float] | None,
) -> np.ndarray | None:
    """Columns whose mean squared length under the covariance is to shrink; none for D."""
    if criterion == "D":
        return None
    if criterion == "I":
        require(targets is not None, "targets", "given for criterion I", "none")
        columns = _gradients(model, fitted, targets or {}, free)
        return columns / np.sqrt(columns.shape[1])
    require(decision is not None, "decision", "given for criterion decision", "none")
    family = find_family(fitted.law.family)

    def decide(moved: np.ndarray) -> float:
        coefficients = {name: float(value) for name, value in model.coefficients(moved).items()}
        return float(decision(family(replace(fitted.law, coefficients=coefficients))))  # type: ignore[misc]

    steps = np.eye(len(point))[free] * DIFFERENCE
    return np.array([(decide(point + step) - decide(point - step)) / (2 * DIFFERENCE) for step in steps])[:, None]


def _spread(covariance: np.ndarray, aim: np.ndarray | None) -> float:
    if aim is None:
        return float(np.exp(np.linalg.slogdet(covariance)[1] / (2 * len(covariance))))
    return float(np.sqrt(max(np.sum(aim * (covariance @ aim)), 0.0)))


def grid_of(values: Mapping[str, Sequence[float]]) -> dict[str, Float[np.ndarray, " designs"]]:
    """Every combination of the values of each variable."""
    columns = np.array(list(product(*values.values())), dtype=float).T
    return dict(zip(values, columns, strict=True))


def usual_grid(observations: Observations, symbols: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Values for a grid around the runs at hand: sizes and tokens from the least to four times the largest.

    Raises:
        UnknownNameError: The runs lack a variable.
    """
    values = {}
    for symbol in symbols:
        column = observations.column(symbol)
        own = np.unique(column)
        if symbol[0] in "ND":
            own = np.geomspace(column.min(), BEYOND * column.max(), STEPS)
        elif len(own) > FEW_VALUES:
            own = np.quantile(own, np.linspace(0, 1, FEW_VALUES))
        values[symbol] = tuple(own.tolist())
    return values


def like_runs(
    designs: Mapping[str, Float[np.ndarray, " designs"]], observations: Observations
) -> dict[str, Float[np.ndarray, " left"]]:
    """Designs with tokens per parameter as runs at hand have, two or more where one has; all without a size.

    Raises:
        ConfigError: There is none.
    """
    size = next((name for name in ("N_act", "N") if name in designs), None)
    if size is None or "D" not in designs:
        return dict(designs)
    own, theirs = observations.column("D") / observations.column(size), designs["D"] / designs[size]
    low, high = max(own.min(), min(FINISHED, own.max())), own.max()
    kept = (theirs >= low / ROUNDING) & (theirs <= high * ROUNDING)
    require(kept.any(), "grid", f"with D/{size} from {low:.3g} to {high:.3g}, as in the runs", "none")
    return {name: column[kept] for name, column in designs.items()}


def affordable(
    designs: Mapping[str, Float[np.ndarray, " designs"]], cost: str, budget: float
) -> dict[str, Float[np.ndarray, " left"]]:
    """The designs that the budget could pay one run of; ``cost`` as in :func:`costs_of`.

    Raises:
        ConfigError: There is none.
    """
    costs = costs_of(designs, cost)
    require(budget >= costs.min(), "budget", f"at least the cheapest candidate ({costs.min():.3g})", budget)
    return {name: column[costs <= budget] for name, column in designs.items()}


def costs_of(
    designs: Mapping[str, Float[np.ndarray, " designs"]], formula: str = ""
) -> Float[np.ndarray, " designs"]:
    """What a run of each design costs: a formula of its variables, or 6·N·D training FLOPs.

    Raises:
        ConfigError: There is no size or no tokens, and no formula; or a cost is not positive.
        UnknownNameError: The formula names no variable.
    """
    if not formula:
        size = next((name for name in ("N_act", "N") if name in designs), None)
        if size is None or "D" not in designs:
            raise ConfigError("cost: must be a formula (without a size and D there is no 6ND), got none")
        formula = f"6*{size}*D"
    length = len(next(iter(designs.values())))
    costs = np.broadcast_to(np.asarray(evaluate(formula, designs), dtype=float), (length,))
    require(np.isfinite(costs).all() and (costs > 0).all(), "cost", "positive for every design", formula)
    return costs
