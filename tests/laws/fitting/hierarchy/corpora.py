"""Corpora planted on one law, with floors and amplitudes of their own."""

import numpy as np

from optimoe.laws.catalog import find_law
from optimoe.laws.runs import Observations


def plant_corpora(count=6, runs=60, noise=0.006, floor_std=0.15, scale_std=0.1, seed=0):
    """(Runs, (floor offset, scale)) by corpus: besiroglu2024, normal effects, Student-t residuals."""
    random, law = np.random.default_rng(seed), find_law("besiroglu2024")
    corpora, truth = {}, {}
    for number in range(count):
        params = np.exp(random.uniform(17, 23, runs))
        tokens = params * np.exp(random.uniform(1, 5, runs))
        offset, scale = random.normal(0, floor_std), np.exp(random.normal(0, scale_std))
        loss = (law.loss(N=params, D=tokens) + offset) * scale * np.exp(noise * random.standard_t(4, runs))
        corpora[f"c{number}"] = Observations(variables={"N": params, "D": tokens}, loss=loss)
        truth[f"c{number}"] = (offset, scale)
    return corpora, truth
