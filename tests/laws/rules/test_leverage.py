import numpy as np

from optimoe.laws.catalog import find_law


def test_tian_best_granularity_has_the_most_leverage():
    law = find_law("tian2025-el")
    best = law.optimal_granularity()
    assert law.leverage(0.03, best, 1e21) > law.leverage(0.03, best * np.array([0.5, 2.0]), 1e21).max()
