"""Hoffmann's 4,500 starts and 4,000 bootstrap refits of the 240 Chinchilla runs: one batch against a loop.

The loop is what notebooks do: ``scipy.optimize.minimize`` once a start and once a resample, on the Huber sum
of log-loss in log-sum-exp form. It is timed on a sample drawn from the grid and scaled up. Three kinds: BFGS
and L-BFGS-B with SciPy's own difference gradients (the usual calls), and L-BFGS-B with an analytic gradient
written for this form (the best that a loop can do). Ours runs in whole: from the 4,500 starts as they are,
and from the 25 that are left when the linear coefficients are solved for at every start. Ours and the loops
take turns.

    OPTIMOE_DATA=DIR python benchmarks/fit_speed.py [--sample 60] [--rounds 3]
"""

import argparse
import os
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from statistics import median

import numpy as np
from scipy.optimize import minimize

from optimoe.laws.datasets import load_chinchilla_runs
from optimoe.laws.fitting import FitOptions, bootstrap, fit
from optimoe.laws.fitting.setup.problem import make_model, make_problem
from optimoe.laws.fitting.solve import solve
from optimoe.laws.runs import Observations

DELTA = 1e-3
EXPONENTS = (0.0, 0.5, 1.0, 1.5, 2.0)
LOG_FLOORS = (-1.0, -0.5, 0.0, 0.5, 1.0)
LOG_FACTORS = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
GRID = {
    "alpha": EXPONENTS,
    "beta": EXPONENTS,
    "E": tuple(np.exp(LOG_FLOORS)),
    "A": tuple(np.exp(LOG_FACTORS)),
    "B": tuple(np.exp(LOG_FACTORS)),
}
RESAMPLES = 4000


def huber_objective(point, log_size, log_data, log_loss, weight, gradient):
    """Σ w·Huber(ln L − ln L_run) for (e, a, b, α, β) and, if asked, its gradient."""
    e, a, b, alpha, beta = point
    terms = np.stack([np.full_like(log_size, e), a - alpha * log_size, b - beta * log_data])
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    residual = top + np.log(total) - log_loss
    slope = np.clip(residual, -DELTA, DELTA)
    value = (weight * slope * (residual - slope / 2)).sum()
    if not gradient:
        return value
    pull = weight * slope * shares / total
    return value, np.array(
        [pull[0].sum(), pull[1].sum(), pull[2].sum(), -(pull[1] @ log_size), -(pull[2] @ log_data)]
    )


def loop(starts, weights, data, method, gradient):
    """The field's loop: (seconds, objective of each)."""
    values = []
    begin = time.perf_counter()
    for start, weight in zip(starts, weights, strict=True):
        minimum = minimize(huber_objective, start, args=(*data, weight, gradient), method=method, jac=gradient)
        values.append(minimum.fun)
    return time.perf_counter() - begin, np.array(values)


KINDS = {
    "BFGS, differences": ("BFGS", False),
    "L-BFGS-B, differences": ("L-BFGS-B", False),
    "L-BFGS-B, analytic": ("L-BFGS-B", True),
}
ALL_STARTS = FitOptions(starts=GRID)
PROJECTED = FitOptions(starts={"alpha": EXPONENTS, "beta": EXPONENTS})


def timed(function, *args, **options):
    """(seconds, result)."""
    begin = time.perf_counter()
    result = function(*args, **options)
    return time.perf_counter() - begin, result


def time_ours(observations):
    """Seconds by task."""
    starts, fitted = timed(fit, observations, "chinchilla", ALL_STARTS)
    projected, _ = timed(fit, observations, "chinchilla", PROJECTED)
    refits, _ = timed(bootstrap, observations, fitted, resamples=RESAMPLES)
    return {"starts": starts, "projected": projected, "refits": refits}


def our_refits(observations, fitted, counts):
    """The objective of every resample."""
    model = make_model(observations, "chinchilla", PROJECTED)
    starts = np.tile(model.coordinates(fitted.coefficients), (len(counts), 1))
    return solve(make_problem(model, PROJECTED), starts, counts, model.low[None], model.high[None]).value


def main(words: Sequence[str]):
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(words)
    warnings.simplefilter("ignore")
    runs, rng = load_chinchilla_runs(), np.random.default_rng(0)
    observations = Observations(variables={"N": runs.params, "D": runs.tokens}, loss=runs.loss)
    data = np.log(runs.params), np.log(runs.tokens), np.log(runs.loss)
    grid = np.array(list(product(LOG_FLOORS, LOG_FACTORS, LOG_FACTORS, EXPONENTS, EXPONENTS)))
    fits = {"as given": fit(observations, "chinchilla", ALL_STARTS)}
    fits["projected"] = fit(observations, "chinchilla", PROJECTED)
    fitted = fits["projected"].coefficients
    best = [*np.log([fitted["E"], fitted["A"], fitted["B"]]), fitted["alpha"], fitted["beta"]]
    counts = rng.multinomial(240, np.full(240, 1 / 240), RESAMPLES).astype(float)
    refits = our_refits(observations, fits["projected"], counts)

    ours, theirs, compared = defaultdict(list), defaultdict(list), defaultdict(list)
    for _ in range(options.rounds):
        for task, seconds in time_ours(observations).items():
            ours[task].append(seconds)
        picked = rng.choice(len(grid), options.sample, replace=False)
        drawn = rng.choice(RESAMPLES, options.sample, replace=False)
        for kind, how in KINDS.items():
            seconds, values = loop(grid[picked], np.ones((options.sample, 1)), data, *how)
            theirs[kind, "starts"].append(seconds * len(grid) / options.sample)
            compared[kind, "starts"].append(values / fits["as given"].objective - 1)
            seconds, values = loop([best] * options.sample, counts[drawn], data, *how)
            theirs[kind, "refits"].append(seconds * RESAMPLES / options.sample)
            compared[kind, "refits"].append(values / refits[drawn] - 1)
    show(options, fits, ours, theirs, compared)


def show(options, fits, ours, theirs, compared):
    """The medians over rounds, ratios, and how far the objectives of the loop lie above ours."""
    mine = {task: median(seconds) for task, seconds in ours.items()}
    given, projected = (mine[task] + mine["refits"] for task in ("starts", "projected"))
    print(f"{os.cpu_count()} cores, {options.rounds} rounds; loop: {options.sample} fits a task, scaled up")
    for starting, fitted in fits.items():
        print(f"starts {starting}: objective {fitted.objective:.10g}, {fitted.agree} of {fitted.starts} agree")
    print(f"\n{'seconds':28}{'starts':>9}{'refits':>9}{'both':>9}   ours, starts as given / projected")
    print(f"{'ours, 4,500 starts as given':28}{mine['starts']:9.2f}{mine['refits']:9.2f}{given:9.2f}")
    print(f"{'ours, projected':28}{mine['projected']:9.2f}{mine['refits']:9.2f}{projected:9.2f}")
    for kind in KINDS:
        parts = [median(theirs[kind, task]) for task in ("starts", "refits")]
        ratios = f"{sum(parts) / given:8.0f}x {sum(parts) / projected:8.0f}x"
        print(f"{kind:28}{parts[0]:9.0f}{parts[1]:9.0f}{sum(parts):9.0f}   {ratios}")
    print("\nobjective of the loop over ours, minus 1: least (starts, refits), and median of the refits")
    for kind in KINDS:
        starts, refits = (np.concatenate(compared[kind, task]) for task in ("starts", "refits"))
        print(f"{kind:28}{np.nanmin(starts):+10.1e} {refits.min():+10.1e} {np.median(refits):+10.1e}")


if __name__ == "__main__":
    main(sys.argv[1:])
