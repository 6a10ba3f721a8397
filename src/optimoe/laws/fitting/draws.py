"""Draws of a law's coefficients, as uncertain as its fitted runs left them."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from optimoe.core.errors import InputError, require
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting.setup.problem import FitOptions, make_model, make_problem
from optimoe.laws.fitting.solve import solve
from optimoe.laws.loss_law import LossLaw
from optimoe.laws.runs import Observations

RUNS = 256
"""Runs behind a law whose number is not at hand (assumed; the joint law had more than 280)."""

DECADES = 3
"""Span of a variable whose fitted range has no stated lower end (assumed)."""


def law_draws(law: LossLaw, draws: int, *, runs: int = RUNS, seed: int = 0) -> LossLaw:
    """Many laws in one: every coefficient a column of shape (draws, 1).

    Where the law comes with draws of its fit, those are drawn from: each at most once as far as they go, with
    replacement where more are asked for. Else a parametric bootstrap: ``runs`` runs spread evenly (in logarithms)
    over the law's fitted range get the law's loss and its residual scatter; refits to resamples of them, moved so
    that their centre is the published law, are the draws. What the real runs covered less evenly is more uncertain
    than this says.

    Raises:
        InputError: The law's scatter or range is not stated, or its family cannot be fitted.
    """
    row = law.row
    if row.draws:
        return _stored(law, draws, np.random.default_rng(seed))
    if not row.rmse_log or not row.range:
        raise InputError(f"law {row.name}: no draws, its fit error or its fitted range is not stated")
    if not law.free:
        raise InputError(f"law {row.name}: no draws, the family {row.family} cannot be fitted")
    require(draws >= 2, "draws", "at least 2", draws)
    random = np.random.default_rng(seed)
    observations = _runs(law, runs, random)
    options = FitOptions()
    model = make_model(observations, row.family, options)
    published = model.coordinates(row.coefficients)
    weights = np.vstack([np.ones(runs), random.multinomial(runs, np.full(runs, 1 / runs), draws)]).astype(float)
    problem = make_problem(model, options)
    refits = solve(problem, np.tile(published, (draws + 1, 1)), weights, model.low[None], model.high[None]).points
    moved = np.clip(refits[1:] - refits[0] + published, model.low, model.high)
    columns = {name: np.asarray(values)[:, None] for name, values in model.coefficients(moved).items()}
    return _many(law, columns)


def _stored(law: LossLaw, draws: int, random: np.random.Generator) -> LossLaw:
    """So many of the draws that the law came with."""
    require(draws >= 2, "draws", "at least 2", draws)
    held = len(next(iter(law.row.draws.values())))
    taken = random.choice(held, draws, replace=draws > held)
    stored = {name: np.array(values)[taken, None] for name, values in law.row.draws.items()}
    fixed = {
        name: np.full((draws, 1), value) for name, value in law.row.coefficients.items() if name not in stored
    }
    return _many(law, stored | fixed)


def _many(law: LossLaw, columns: Mapping[str, Any]) -> LossLaw:
    return type(law)(law.row.with_coefficients({**law.row.coefficients, **columns}), find_law)


def _runs(law: Any, runs: int, random: np.random.Generator) -> Observations:
    """Synthetic runs over the fitted range."""
    names = [
        name
        for name, parameter in list(inspect.signature(law.loss).parameters.items())
        if parameter.default is inspect.Parameter.empty
    ]
    unknown = [name for name in names if name not in law.row.range]
    if unknown:
        raise InputError(f"law {law.row.name}: no draws, the fitted range of {', '.join(unknown)} is not stated")
    points = _spread(runs, len(names), random)
    variables = {}
    for column, name in zip(points.T, names, strict=True):
        low, high = law.row.range[name]
        low = low or high / 10**DECADES
        values = low * (high / low) ** column
        variables[name] = np.maximum(np.round(values), 1.0) if name.startswith("E") else values
    scatter = np.exp(law.row.rmse_log * random.standard_normal(runs))
    return Observations(variables=variables, loss=np.asarray(law.loss(**variables)) * scatter, source="draws")


def _spread(number: int, axes: int, random: np.random.Generator) -> np.ndarray:
    """Points spread evenly over a cube of so many axes, from a drawn one on, (number, axes).

    Multiples of 1/g, 1/g², …, less their whole parts, where g is the root of x^(axes + 1) = x + 1: the golden
    ratio and its like, whose multiples stay furthest apart (a Kronecker sequence; Roberts 2018).
    """
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (axes + 1))
    steps = ratio ** -np.arange(1.0, axes + 1)
    return (random.random(axes) + np.arange(number)[:, None] * steps) % 1.0
