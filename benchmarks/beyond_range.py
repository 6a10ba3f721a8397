"""How far the terms of a law are off beyond the range of its runs: back-tests on Chinchilla's and Clark's runs.

    OPTIMOE_DATA=… python benchmarks/beyond_range.py

Chinchilla's form is fitted to the runs of fewest tokens, or of the smallest models, and held against the others:
by what share of the data term, or of the size term, it is off for each decade beyond. Clark's dense and S-Base
models without the largest ones: by what share of the loss above the floor, and by how much more for each decade of
N_total/N_act. The planner draws such errors where a choice lies beyond its law's range (the root mean squares).
"""

import numpy as np
from scipy.optimize import least_squares

from loss_band import fitted, log_loss, subset
from optimoe.laws.datasets import joined, load_chinchilla_runs, load_routing_points
from optimoe.laws.terms.saturation import saturated_experts
from optimoe.planner.confidence.draws.law import DATA_BEND, EXPANSION_BEND, SIZE_BEND

SHARES = (0.4, 0.55, 0.7, 0.8, 0.9)
"""Shares of Chinchilla's runs that are fitted."""
FAR = 0.15
"""Decades from which a run counts as beyond."""
LARGEST = (7e7, 1.5e8, 4e8)
"""Dense sizes to which Clark's models are fitted."""


def term_errors(axis: str) -> list[float]:
    """Error of Chinchilla's form per decade beyond in tokens or size, a share of its own term, for each split."""
    runs, errors = load_chinchilla_runs(), []
    values = getattr(runs, axis)
    for share in SHARES:
        seen = values <= np.quantile(values, share)
        theta, unseen = fitted(subset(runs, seen)), subset(runs, ~seen)
        decades = np.log10(getattr(unseen, axis) / values[seen].max())
        far = decades > FAR
        nats = np.exp(log_loss(theta, unseen)) - unseen.loss
        power, offset = (theta[4], theta[2]) if axis == "tokens" else (theta[3], theta[1])
        term = np.exp(offset - power * np.log(getattr(unseen, axis)))
        slope = np.sum(nats[far] * decades[far]) / np.sum(decades[far] ** 2)
        errors.append(float(slope / term[far].mean()))
    return errors


def excess(theta: np.ndarray, params: np.ndarray, expansion: np.ndarray) -> np.ndarray:
    """Loss above the floor at Clark's one number of tokens: a·(N·x̂^ρ)^−α of θ = (E, ln a, α, ρ, ln(x_max − 1))."""
    _, scale, power, gain, most = theta
    worth = saturated_experts(expansion, 1.0, 1 + np.exp(most))
    return np.exp(scale - power * (np.log(params) + gain * np.log(worth)))


def size_errors() -> list[tuple[float, float]]:
    """Of Clark's larger models: ln of the loss above the floor per decade beyond, and the same per decade of x."""
    points = joined(load_routing_points("Dense"), load_routing_points("S-Base"))
    loss, params = 10**points.log10_loss, points.params
    expansion = np.maximum(points.params_total / params, 1.0)
    errors = []
    for largest in LARGEST:
        seen = params <= largest

        def residuals(theta: np.ndarray, seen: np.ndarray = seen) -> np.ndarray:
            modelled = theta[0] + excess(theta, params[seen], expansion[seen])
            return np.log(modelled) - np.log(loss[seen])

        starts = [(floor, 5.0, power, 0.5, 4.5) for floor in (1.0, 1.6, 2.2) for power in (0.15, 0.3)]
        limits = ([0.05, -5, 0.02, 0, 0], [3.3, 25, 1.5, 2, 9])
        how = {"loss": "soft_l1", "f_scale": 0.005, "bounds": limits}
        theta = min((least_squares(residuals, start, **how) for start in starts), key=lambda end: end.cost).x
        decades, apart = np.log10(params[~seen] / params[seen].max()), np.log10(expansion[~seen])
        left = np.maximum(loss[~seen] - theta[0], 1e-3)
        error = np.log(left / excess(theta, params[~seen], expansion[~seen]))
        columns = np.stack([decades, decades * (apart - apart.mean())], axis=1)
        level, slope = np.linalg.lstsq(columns, error, rcond=None)[0]
        errors.append((float(level), float(slope)))
    return errors


def main() -> None:
    """Print each error and the root mean squares beside the numbers that the planner uses."""
    data, size = term_errors("tokens"), term_errors("params")
    level, apart = zip(*size_errors(), strict=True)
    for name, errors, used in (
        ("data term, Chinchilla", data, DATA_BEND),
        ("size term, Chinchilla", size, SIZE_BEND),
        ("loss above the floor, Clark", level, SIZE_BEND),
        ("the same per decade of N_total/N_act", apart, EXPANSION_BEND),
    ):
        listed = " ".join(f"{error:+.2f}" for error in errors)
        print(f"{name:<38}{listed:<34} rms {np.sqrt(np.mean(np.square(errors))):.3f}, used {used}")


if __name__ == "__main__":
    main()
