"""Variables that do not vary: coefficients that such runs cannot tell are held before the fit, and named.

With one number of tokens in all runs, B/D^β is a constant like E: a fit would divide one number between two
coefficients by chance. What can be told apart there is a smaller family, and that is what is fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from optimoe.laws.fitting.model import Model
from optimoe.laws.fitting.setup.problem import FitOptions, Held, make_model
from optimoe.laws.fitting.solve import Points
from optimoe.laws.gradients import gradient_of
from optimoe.laws.runs import Observations

CONSTANT_REL = 1e-9
"""A variable, or a ratio of two, that varies by less is one number: rounding of a table's last digit is larger."""
DESIGNS = 64
"""Designs at which slopes are compared: several times the coefficients of the largest family."""
COMPARED_STARTS = 16
"""What cannot be told at so many places in the space of coefficients cannot be told anywhere."""
COLLINEAR_REL = 1e-7
"""What is left of a column after projection, relative to its length: rounding leaves less by far."""
SOLVED_REL = 1e-12
"""Directions of the other columns that are dropped: well below what is left of a column that is a combination."""
CHANGED_REL = 1e-9
"""A slope that moves by less with a variable does not depend on it."""


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A variable that has one value in all runs, or one ratio to another.

    Attributes:
        words: Which, and its value.
        symbol: The variable that would have to vary.
    """

    words: str
    symbol: str


def hold_untold(observations: Observations, family: str, options: FitOptions) -> FitOptions:
    """The options, with coefficients held that no such runs could tell because a variable does not vary.

    A coefficient is held when, at every start, its slope over designs like the runs' (all variables varied but
    the constant ones) is a combination of the slopes of others, and would not be if the variable varied. Its
    value: zero for a factor (its term goes into what it cannot be told from); zero for an exponent, where that
    is allowed, so that the law claims no effect of what did not vary; its first start where it has no effect.

    Raises:
        UnknownNameError: The runs lack a variable of the family, or a coefficient is none of it.
    """
    model = make_model(observations, family, options)
    constants = _constants(model.variables)
    if not constants:
        return options
    points = model.starts()
    points = points[np.unique(np.linspace(0, len(points) - 1, COMPARED_STARTS).astype(int))]
    designs = _designs(model.variables)
    held: dict[str, str] = {}
    for constant in constants:
        held |= _untold_by(model, points, designs, constant, set(held))
    values = _values(model, points, designs, tuple(held))
    found = tuple(Held(coefficient=name, value=values[name], reason=reason) for name, reason in held.items())
    return replace(options, held=options.held + found)


def _constants(variables: Mapping[str, Float[np.ndarray, " runs"]]) -> list[Constant]:
    """Variables with one value; of those that vary, pairs in one unit (N_act and N_total) with one ratio."""
    alone = [name for name, column in variables.items() if _is_constant(column)]
    found = [Constant(words=f"{name} is {variables[name][0]:.4g} in every run", symbol=name) for name in alone]
    sizes = [name for name in variables if name.startswith("N") and name not in alone]
    for first, second in combinations(sizes, 2):
        ratio = variables[second] / variables[first]
        if _is_constant(ratio):
            found.append(Constant(words=f"{second}/{first} is {ratio[0]:.4g} in every run", symbol=second))
    return found


def _is_constant(column: Float[np.ndarray, " runs"]) -> bool:
    return bool(np.ptp(column) <= CONSTANT_REL * np.abs(column).max())


def _designs(variables: Mapping[str, Float[np.ndarray, " runs"]]) -> dict[str, Float[np.ndarray, " designs"]]:
    """Designs that fill the range of the runs as far as their variables vary independently."""
    random = np.random.default_rng(0)
    designs: dict[str, np.ndarray] = {}
    for name, column in variables.items():
        low, high, share = float(column.min()), float(column.max()), random.random(DESIGNS)
        designs[name] = low * (high / low) ** share if low > 0 else low + (high - low) * share
        for other in designs if name.startswith("N") else ():
            ratio = column / variables[other]
            if other != name and other.startswith("N") and _is_constant(ratio):
                designs[name] = designs[other] * ratio[0]
    return designs


def _moved(value: Float[np.ndarray, " designs"]) -> Float[np.ndarray, " designs"]:
    """Another value of a variable inside its domain: counts grow, shares shrink."""
    return np.where(value >= 1, 2 * value, np.where(value > 0, value / 2, 0.25))


def _slopes(model: Model, points: Points, designs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(dL/dcoefficient of shape (starts, coordinates, designs), L of shape (starts, designs))."""
    columns = {name: value[:, None] for name, value in model.coefficients(points).items()}
    law = model.law(columns)
    with np.errstate(all="ignore"):
        gradient, loss = gradient_of(law, designs), np.asarray(law.loss(**designs))
    shape = (len(points), DESIGNS)
    rows = [np.broadcast_to(model.slopes(gradient, name), shape) for name in model.names]
    return np.stack(rows, axis=1), np.broadcast_to(loss, shape)


def _untold_by(
    model: Model, points: Points, designs: Mapping[str, np.ndarray], constant: Constant, held: set[str]
) -> dict[str, str]:
    """Coefficients that cannot be told because of one constant, with the reason, those named last first."""
    slopes, loss = _slopes(model, points, designs)
    elsewhere = dict(designs) | {constant.symbol: _moved(designs[constant.symbol])}
    moved, moved_loss = _slopes(model, points, elsewhere)
    # In a law of ln L the slope of L moves with everything, in a law of L that of ln L: an owner moves in both.
    depends = _differs(slopes, moved) & _differs(slopes / loss[:, None], moved / moved_loss[:, None])
    usable = np.isfinite(slopes).all(axis=(1, 2)) & np.isfinite(loss).all(axis=1)
    columns = (slopes / loss[:, None])[usable]
    kept = [row for row, name in enumerate(model.names) if model.low[row] < model.high[row] and name not in held]
    found: dict[str, str] = {}
    linear = model.family.linear
    # Exponents first: a factor stays where it can. Papers write main effects before interactions: taken from the
    # end, they leave the plainest law.
    owners = sorted((row for row in kept if depends[row]), key=lambda row: (model.names[row] in linear, -row))
    for row in owners:
        others = [other for other in kept if other != row]
        partners = _partners(columns, row, others)
        if partners is None:
            continue
        kept, name = others, model.names[row]
        names = [model.names[other] for other in partners]
        why = f"cannot be told from {', '.join(names)}" if names else "has no effect"
        found[name] = f"{constant.words}: {name} {why}"
    return found


def _differs(one: np.ndarray, other: np.ndarray) -> Bool[np.ndarray, " coordinates"]:
    """Which coordinates' slopes differ anywhere."""
    size = np.nanmax(np.abs(one), axis=(0, 2), initial=0.0)
    return np.nanmax(np.abs(one - other), axis=(0, 2), initial=0.0) > CHANGED_REL * size


def _partners(
    columns: Float[np.ndarray, "starts coordinates designs"], row: int, others: list[int]
) -> list[int] | None:
    """The fewest coordinates whose slopes make up this one's at every start; none where they never do."""
    if not _made_of(columns, row, others):
        return None
    fewest = others
    for other in reversed(others):
        without = [one for one in fewest if one != other]
        if _made_of(columns, row, without):
            fewest = without
    return fewest


def _made_of(columns: Float[np.ndarray, "starts coordinates designs"], row: int, others: list[int]) -> bool:
    """Whether a slope is a combination of others, at every start; a slope of zero is one of none."""
    for start in columns:
        length = np.linalg.norm(start, axis=1)
        if length[row] <= np.finfo(float).tiny:
            continue
        seen = [other for other in others if length[other] > np.finfo(float).tiny]
        if not seen:
            return False
        basis, target = (start[seen] / length[seen][:, None]).T, start[row] / length[row]
        share, *_ = np.linalg.lstsq(basis, target, rcond=SOLVED_REL)
        if np.linalg.norm(basis @ share - target) > COLLINEAR_REL:
            return False
    return True


def _values(
    model: Model, points: Points, designs: Mapping[str, np.ndarray], held: tuple[str, ...]
) -> dict[str, float]:
    """At which value each is held."""
    values = {name: float(f"{value:.9g}") for name, value in model.coefficients(points[0]).items()}
    values |= {name: 0.0 for name in held if name in model.family.linear}
    for name in held:
        row = model.names.index(name)
        if name in model.family.linear or model.is_log[row] or not model.low[row] <= 0 <= model.high[row]:
            continue
        effects, without = (_effects(model, designs, values | change) for change in ({}, {name: 0.0}))
        # In (N_c/N)^α an exponent of zero would silence N_c, which is to be fitted.
        kept = [other for other in model.names if other not in held and effects[other]]
        if effects[name] and all(without[other] for other in kept):
            values[name] = 0.0
    return {name: values[name] for name in held}


def _effects(model: Model, designs: Mapping[str, np.ndarray], values: Mapping[str, float]) -> dict[str, bool]:
    """Which coefficients move the loss of any design, the others at these values."""
    law = model.law({name: np.array([[value]]) for name, value in values.items()})
    with np.errstate(all="ignore"):
        gradient = gradient_of(law, designs)
    return {name: bool(np.any(np.abs(model.slopes(gradient, name)) > 0)) for name in model.names}
