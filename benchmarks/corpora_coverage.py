"""Bands of laws over corpora held against corpora that they have not seen: the share inside, of 90 % promised.

Corpora are planted on Besiroglu's law with floors ± 0.15 nats, ln scale ± 0.1 and Student-t residuals of 0.6 %;
six are fitted, two more are predicted without any of their runs, after one run, and after all gave the level.

::

    python benchmarks/corpora_coverage.py --repeats 40
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from optimoe.laws.catalog import find_law
from optimoe.laws.fitting.hierarchy import draw_hierarchy, fit_hierarchy
from optimoe.laws.fitting.hierarchy.leave_out import hold_corpus
from optimoe.laws.runs import Observations

SEEN, NEW, RUNS = 6, 2, 24


def plant(random):
    """One corpus of runs."""
    law = find_law("besiroglu2024")
    params = np.exp(random.uniform(17, 23, RUNS))
    tokens = params * np.exp(random.uniform(1, 5, RUNS))
    offset, scale = random.normal(0, 0.15), np.exp(random.normal(0, 0.1))
    loss = (law.loss(N=params, D=tokens) + offset) * scale * np.exp(0.006 * random.standard_t(4, RUNS))
    return Observations(variables={"N": params, "D": tokens}, loss=loss)


def main(words: Sequence[str]):
    """Print the shares inside, over repeats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    repeats = parser.parse_args(words).repeats
    inside = []
    for seed in range(repeats):
        random = np.random.default_rng(seed)
        seen = {f"c{number}": plant(random) for number in range(SEEN)}
        fitted = fit_hierarchy(seen, "chinchilla")
        drawn = draw_hierarchy(seen, fitted, draws=100, seed=seed)
        for _ in range(NEW):
            held = hold_corpus("new", plant(random), fitted, drawn, seed=seed, anchors=4)
            inside.append((held.unseen.inside, held.after_one_run.inside, held.after_scale.inside))
    for name, share in zip(("no run", "one run", "level known"), np.mean(inside, axis=0), strict=True):
        print(f"{name}: {share:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
