"""The fits of Gemstones (McLeish et al. 2025, arXiv 2502.06857) on the authors' released runs.

Their coordinates: L = e^e + e^a/N^α + e^b/D^β, with two more such terms in width and depth in one of the fits.
"""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy.optimize import OptimizeResult, minimize
from scipy.special import huber

from optimoe.core.claims import Asked
from optimoe.laws.datasets import ShapedRuns, load_gemstones_runs
from optimoe.laws.fitting import Fit, FitOptions, Huber, fit
from optimoe.laws.runs import Observations


def objective(asked: Asked) -> float:
    """Σ Huber_δ(ln L_law − ln L) at given coefficients.

    Inputs: ``delta``; ``above_tokens`` (runs beyond so many tokens only); ``e``; ``params``, ``tokens``, and where
    given ``width`` and ``depth``: pairs of coefficient and exponent.
    """
    return _misfit(_point(asked), asked)


def refit(asked: Asked) -> float:
    """The minimum of that objective: its value (``objective``), or ``e``, ``a``, ``alpha``, ``b``, ``beta`` there.

    Inputs: ``delta``; ``above_tokens``; with ``e``, ``params``, ``tokens`` (where the authors' search stopped) the
    place at which L-BFGS-B stops that starts there with SciPy's default tolerances; with ``width`` and ``depth``
    too, the objective that it reaches from there with tight ones.
    """
    if "width" in asked.inputs:
        return float(_search(asked, ftol=1e-15, gtol=1e-12).fun)
    if "e" in asked.inputs:
        stopped = _search(asked)
        values = dict(zip(("e", "a", "alpha", "b", "beta"), map(float, stopped.x), strict=True))
        return (values | {"objective": float(stopped.fun)})[asked.output]
    fitted = _fitted(float(asked.inputs["delta"]), float(asked.inputs.get("above_tokens", 0.0)))
    return (_their_coordinates(fitted) | {"objective": fitted.objective})[asked.output]


def _search(asked: Asked, **tolerances: float) -> OptimizeResult:
    return minimize(lambda point: _misfit(point, asked), _point(asked), method="L-BFGS-B", options=tolerances)


def _point(asked: Asked) -> Float[np.ndarray, " coordinates"]:
    """E, then a coefficient and an exponent for each term."""
    terms = [asked.inputs[name] for name in ("params", "tokens", "width", "depth") if name in asked.inputs]
    return np.array([asked.inputs["e"], *(number for term in terms for number in term)], dtype=float)


def _misfit(point: Float[np.ndarray, " coordinates"], asked: Asked) -> float:
    runs = _runs(float(asked.inputs.get("above_tokens", 0.0)))
    columns = (runs.params, runs.tokens, runs.width, runs.depth)
    terms = zip(point[1::2], point[2::2], columns, strict=False)  # without width and depth there are two terms
    loss = np.exp(point[0]) + sum(np.exp(factor - power * np.log(column)) for factor, power, column in terms)
    return float(huber(float(asked.inputs["delta"]), np.log(loss) - np.log(runs.loss)).sum())


@cache
def _runs(above_tokens: float) -> ShapedRuns:
    return load_gemstones_runs(above_tokens=above_tokens)


@cache
def _fitted(delta: float, above_tokens: float) -> Fit:
    runs = _runs(above_tokens)
    observations = Observations(variables={"N": runs.params, "D": runs.tokens}, loss=runs.loss)
    return fit(observations, "chinchilla", FitOptions(objective=Huber(delta=delta)))


def _their_coordinates(fitted: Fit) -> dict[str, float]:
    c = fitted.coefficients
    logs = {"e": np.log(c["E"]), "a": np.log(c["A"]), "b": np.log(c["B"])}
    return {name: float(value) for name, value in logs.items()} | {"alpha": c["alpha"], "beta": c["beta"]}
