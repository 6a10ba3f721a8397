"""A law fitted to planted corpora, with draws and effects, and runs of one more corpus."""

from dataclasses import replace
from functools import cache

import numpy as np

from optimoe.laws.catalog import find_family
from optimoe.laws.fitting.hierarchy import HierarchyOptions, draw_hierarchy, fit_hierarchy
from optimoe.laws.runs import Observations
from tests.laws.fitting.hierarchy.corpora import plant_corpora


@cache
def shared_law():
    """(The law of five corpora, the runs of a sixth)."""
    corpora, _ = plant_corpora(count=6, runs=24, seed=2)
    _, new = corpora.popitem()
    fitted = fit_hierarchy(corpora, "chinchilla", options=HierarchyOptions(n_convention="total"), name="ours")
    drawn = draw_hierarchy(corpora, fitted, draws=60).coefficients()
    row = replace(fitted.law, draws={name: tuple(map(float, values)) for name, values in drawn.items()})
    return find_family("chinchilla")(row), new


def exact_runs(law, sizes, *, scale=1.0, offset=0.0):
    """Runs on the law without noise, at 20 tokens per parameter, times a scale, plus an offset before it."""
    params = np.array(sizes, dtype=float)
    loss = scale * (law.loss(N=params, D=20 * params) + offset)
    return Observations(variables={"N": params, "D": 20 * params}, loss=loss)
