"""The compute-optimal frontier of a law: the best size and tokens at each budget, and the powers they follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.formulas import evaluate
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.answers.drawn import DrawnNumber, estimate, exponent, with_draws
from optimoe.laws.fitting.answers.isoflop import SIZES
from optimoe.laws.gradients import loss_variables
from optimoe.laws.law import Law, LawRow
from optimoe.laws.terms.optimum import find_minimum

SMALLEST_PARAMS, SMALLEST_TOKENS = 1e3, 1e3
"""A size or a number of tokens that no run has: the ends between which the minimum is looked for."""
AT_END = 1.01
"""An optimum this close to an end is that end."""


@dataclass(frozen=True, kw_only=True)
class FrontierPoint:
    """The best design of one budget.

    Attributes:
        train_flops: C = 6ND.
        params: The size with the least loss.
        tokens: C/(6N).
        tokens_per_param: D/N.
        loss: Nats per token.
        decades_beyond: How far outside the law's fitted range the point lies, |log10| summed over its variables.
    """

    train_flops: float
    params: DrawnNumber
    tokens: DrawnNumber
    tokens_per_param: DrawnNumber
    loss: DrawnNumber
    decades_beyond: float


@dataclass(frozen=True, kw_only=True)
class LawFrontier:
    """The best designs of one law over budgets.

    Attributes:
        law: Its name.
        size: The law's variable that is traded against tokens, N or N_act.
        others: Its other variables, as they were set.
        points: One a budget, ascending.
        params: Exponent a of N_opt ∝ C^a over these budgets; NaN of one budget.
        tokens: Exponent b of D_opt ∝ C^b, 1 − a.
        draws: How many draws stand behind the intervals; 0 for none.
    """

    law: str
    size: str
    others: dict[str, str]
    points: tuple[FrontierPoint, ...]
    params: DrawnNumber
    tokens: DrawnNumber
    draws: int


def find_frontier(
    law: LawRow, train_flops: Sequence[float], *, others: Mapping[str, str] | None = None, level: float = 0.9
) -> LawFrontier:
    """Minimise the loss over N at C = 6ND for every budget, and for every draw of the law.

    Args:
        law: Its coefficients, and its draws where it has some (``LawRow.draws``).
        train_flops: Budgets.
        others: The law's other variables, as numbers or formulas of its size and D: ``{"E": "64"}``,
            ``{"N_total": "8*N_act"}``.
        level: Of the intervals.

    Raises:
        ConfigError: The law has no size and tokens, a variable is not set, or there is no optimum at a budget.
        UnknownNameError: What is set is no variable of the law.
    """
    require(train_flops and min(train_flops) > 0, "train_flops", "positive budgets", list(train_flops))
    others = dict(others or {})
    model = with_draws(law)
    size = _traded(law, others)
    flops = np.sort(np.asarray(train_flops, dtype=float))
    draws = max((len(values) for values in law.draws.values()), default=0)
    budgets = np.broadcast_to(flops, (1 + draws, len(flops)))

    def placed(params: np.ndarray) -> dict[str, np.ndarray]:
        symbols = {size: params, "D": flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params)}
        return symbols | {
            name: np.broadcast_to(np.asarray(evaluate(str(formula), symbols), dtype=float), params.shape)
            for name, formula in others.items()
        }

    def loss_of(params: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.asarray(model.loss(**placed(params))), nan=np.inf)

    high = flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * SMALLEST_TOKENS)
    params = find_minimum(loss_of, SMALLEST_PARAMS, high, budgets)
    _require_optimum(law, params[0], high)
    tokens, loss = flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params), loss_of(params)
    first = {name: column[0] for name, column in placed(params).items()} | {"D_over_N": (tokens / params)[0]}
    outside = _decades_outside(law, first)
    return LawFrontier(
        law=law.name,
        size=size,
        others=others,
        points=tuple(
            FrontierPoint(
                train_flops=float(flops[column]),
                params=_at(params, column, level),
                tokens=_at(tokens, column, level),
                tokens_per_param=_at(tokens / params, column, level),
                loss=_at(loss, column, level),
                decades_beyond=float(outside[column]),
            )
            for column in range(len(flops))
        ),
        params=exponent(flops, params[0], params[1:], level),
        tokens=exponent(flops, tokens[0], tokens[1:], level),
        draws=draws,
    )


def _at(table: Float[np.ndarray, "draws budgets"], column: int, level: float) -> DrawnNumber:
    return estimate(float(table[0, column]), table[1:, column], level)


def _decades_outside(law: LawRow, placed: Mapping[str, np.ndarray]) -> Float[np.ndarray, " budgets"]:
    """How far outside the law's range the points lie; zero where it states none."""
    model = find_family(law.family)(law)
    beyond = model.decades_outside(placed) if isinstance(model, Law) else {}
    return np.asarray(sum(beyond.values(), np.zeros(len(placed["D"]))))


def _traded(law: LawRow, others: Mapping[str, str]) -> str:
    """The law's size, where every other variable is set."""
    variables = loss_variables(find_family(law.family))
    size = next((name for name in SIZES if name in variables), None)
    if size is None or "D" not in variables:
        raise ConfigError(f"law {law.name}: has no size and tokens to trade at equal FLOPs")
    for name in others:
        if name not in variables or name in (size, "D"):
            raise UnknownNameError(f"law {law.name}: variable to set", name, set(variables) - {size, "D"})
    missing = [name for name, needed in variables.items() if needed and name not in {size, "D", *others}]
    require(not missing, f"law {law.name}", f"asked with {missing[0] if missing else ''} (--set)", "none")
    return size


def _require_optimum(
    law: LawRow, params: Float[np.ndarray, " budgets"], high: Float[np.ndarray, " budgets"]
) -> None:
    """Refuse a law that wants the smallest or the largest model whatever the budget."""
    ends = (params < SMALLEST_PARAMS * AT_END) | (params > high / AT_END)
    if ends.any():
        raise ConfigError(f"law {law.name}: must have an optimum at C = 6ND, got {params[ends][0]:.3g} parameters")
