"""Tied against untied exponents on synthetic over-trained runs: who extrapolates better, where α = β is true?

Runs of 11M to 411M parameters on 20 to 640 tokens per parameter (Gadre 2024, arXiv 2403.08540, trains
there) lie on a tied law with normal noise on ln L. Both forms are fitted to them, and asked for
larger models. A second table plants unequal exponents: what tying costs where it is wrong.

    python benchmarks/tied_exponents.py [--seeds 100]
"""

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from optimoe.laws.catalog import find_family
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

PLANTED = {"E": 1.7, "A": 300.0, "B": 450.0}
"""Of Chinchilla's order of magnitude; the best ratio is 4 tokens per parameter where both exponents are 0.28."""
EXPONENTS = {"equal": (0.28, 0.28), "unequal": (0.34, 0.28)}
"""Unequal: the two that Hoffmann 2022 prints."""
SIZES = (1.1e7, 3.7e7, 1.23e8, 4.11e8)
RATIOS = {"20 to 80": (20.0, 40.0, 80.0), "20 and 640": (20.0, 640.0)}
RATIOS["20 to 640"] = tuple(20.0 * 2.0**doubling for doubling in range(6))
LARGER = ((1.4e9, 20.0), (1.4e9, 640.0), (7e9, 20.0), (7e9, 640.0), (7e10, 640.0))
NOISE = 0.005
"""Of ln L: the order of the spread between seeds and of the residuals of good public fits."""


def planted(exponents):
    """The law that the runs lie on, as Chinchilla's form."""
    alpha, beta = exponents
    row = LawRow(
        name="planted",
        family="chinchilla",
        source="",
        status="fitted",
        n_convention="total",
        coefficients=PLANTED | {"alpha": alpha, "beta": beta},
    )
    return find_family("chinchilla")(row)


def errors(truth, ratios, seeds):
    """|ln L_fit − ln L| at the larger models by family, one row a seed; and how many fits were sound."""
    N, ratio = (grid.ravel() for grid in np.meshgrid(SIZES, ratios))
    sizes, larger = np.array(LARGER).T
    right = truth.loss(sizes, larger * sizes)
    found, sound = {"tied": [], "chinchilla": []}, {"tied": 0, "chinchilla": 0}
    for seed in range(seeds):
        noise = NOISE * np.random.default_rng(seed).standard_normal(N.size)
        loss = truth.loss(N, ratio * N) * np.exp(noise)
        runs = Observations(variables={"N": N, "D": ratio * N}, loss=loss)
        for family, rows in found.items():
            fitted = fit(runs, family, FitOptions(objective=LeastSquares()))
            sound[family] += fitted.verdict == "sound"
            law = find_family(family)(fitted.law)
            rows.append(np.abs(np.log(law.loss(sizes, larger * sizes) / right)))
    return {family: np.array(rows) for family, rows in found.items()}, sound


def main(words: Sequence[str]):
    """Print median errors by larger model, and how often the tied form is the nearer one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=100)
    seeds, begin = parser.parse_args(words).seeds, time.perf_counter()
    heads = "".join(f"{size / 1e9:>8g}B × {ratio:<4g}" for size, ratio in LARGER)
    for kind, exponents in EXPONENTS.items():
        for name, ratios in RATIOS.items():
            design = f"{len(SIZES)} sizes on {name} tokens per parameter"
            print(f"\n{kind} exponents {exponents}, {design}, noise {NOISE:g}, {seeds} seeds")
            print(f"{'median error, %':24}{heads}")
            found, sound = errors(planted(exponents), ratios, seeds)
            for family, rows in found.items():
                cells = "".join(f"{100 * error:16.2f}" for error in np.median(rows, axis=0))
                print(f"{family + f' ({sound[family]} sound)':24}{cells}")
            nearer = (found["tied"] < found["chinchilla"]).mean(axis=0)
            print(f"{'tied is nearer in':24}" + "".join(f"{100 * share:14.0f} %" for share in nearer))
    print(f"\n{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
