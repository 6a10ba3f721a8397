"""Do 90 % intervals cover the planted truth in 85 to 95 % of repeats? 200 repeats a row.

Runs on a published law with normal noise on ln L; bootstrap percentiles over runs, and profiles.

    python benchmarks/fit_coverage.py [--repeats 200]
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, Huber, LeastSquares, StudentT, bootstrap, fit, profile
from optimoe.laws.runs import Observations

CASES = (
    # as many runs as make a fit of five coefficients unsound, and the fewest that leave it sound
    ("besiroglu2024", 6, 0.005, LeastSquares()),
    ("besiroglu2024", 7, 0.005, LeastSquares()),
    ("besiroglu2024", 8, 0.005, LeastSquares()),
    ("besiroglu2024", 120, 0.005, Huber()),
    ("besiroglu2024", 120, 0.005, LeastSquares()),
    ("besiroglu2024", 120, 0.005, StudentT()),
    ("ludziejewski2025", 280, 0.003, LeastSquares()),
    ("ludziejewski2025", 280, 0.003, Huber(delta=1e-2)),
)


def planted(law, num_runs, noise, rng):
    """Runs with sizes and tokens spread over three decades, experts 1 to 64."""
    variables = {symbol: np.exp(rng.uniform(17, 24, num_runs)) for symbol in law.outputs["L"]}
    if "E" in variables:
        variables["E"] = 2.0 ** rng.integers(0, 7, num_runs)
    loss = law.loss(**variables) * np.exp(noise * rng.standard_normal(num_runs))
    return Observations(variables=variables, loss=loss)


def covered(case, repeats, resamples):
    """Whether each interval holds the truth, by (method, coefficient); and how many fits were sound."""
    name, num_runs, noise, objective = case
    law, rng, hits, sound = find_law(name), np.random.default_rng(0), defaultdict(list), 0
    for repeat in range(repeats):
        runs = planted(law, num_runs, noise, rng)
        fitted = fit(runs, law.family, FitOptions(objective=objective))
        sound += fitted.verdict == "sound"
        draws = bootstrap(runs, fitted, resamples=resamples, seed=repeat)
        for intervals in (draws.intervals(), profile(runs, fitted)):
            for key, interval in intervals.items():
                truth = law.row.coefficients[key]
                hits[interval.method, key].append(interval.low <= truth <= interval.high)
    return hits, sound


def main(words: Sequence[str]):
    """Print the share of repeats in which the interval holds the truth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--resamples", type=int, default=300)
    options = parser.parse_args(words)
    for case in CASES:
        name, num_runs, noise, objective = case
        begin = time.perf_counter()
        hits, sound = covered(case, options.repeats, options.resamples)
        print(f"\n{name}, {num_runs} runs, noise {noise:g}, {objective.name}")
        print(f"  {sound} of {options.repeats} sound, {time.perf_counter() - begin:.0f} s")
        for method in ("bootstrap", "profile"):
            shares = {key: np.mean(hit) for (kind, key), hit in hits.items() if kind == method}
            cells = "  ".join(f"{key} {share:.3f}" for key, share in shares.items())
            print(f"  {method:10} mean {np.mean(list(shares.values())):.3f}   {cells}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
