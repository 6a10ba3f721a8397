"""Runs listed twice, exactly or nearly, and points of one curve."""

import numpy as np

from optimoe.laws.runs.repeats import exact_repeats, near_repeats, points_of_curves


def runs(num_runs=400, seed=0):
    rng = np.random.default_rng(seed)
    variables = {"N": np.exp(rng.uniform(17, 23, num_runs)), "D": np.exp(rng.uniform(20, 26, num_runs))}
    return variables, rng.uniform(2, 4, num_runs)


def test_rows_that_are_equal_in_every_column_are_found():
    text = np.array(["a", "b", "a", "a", "b"], dtype=object)
    assert exact_repeats([text, np.array([1.0, 2, 1, 3, 2]), np.array([0.0, 0, -0.0, 0, 0])]).tolist() == [2, 4]


def test_runs_of_two_exports_that_round_differently_are_found():
    variables, loss = runs()
    twice = {name: np.concatenate([column, column[:50] * (1 + 4e-4)]) for name, column in variables.items()}
    pairs = near_repeats(twice, np.concatenate([loss, np.round(loss[:50], 4)]))
    found = {first for first, second in pairs if second == first + len(loss)}
    assert len(found) >= 48
    assert len(pairs) == len(found)


def test_seeds_of_one_design_are_no_repeats():
    variables, loss = runs(40)
    seeds = {name: np.tile(column, 2) for name, column in variables.items()}
    assert near_repeats(seeds, np.concatenate([loss, loss * 1.003])) == []


def test_rows_of_one_run_at_other_tokens_are_points_of_its_curve():
    run = np.array(["a", "a", "b", "c", "c"], dtype=object)
    variables = {"N": np.array([1e8, 1e8, 1e8, 1e8, 2e8]), "D": np.array([1e9, 2e9, 1e9, 1e9, 1e9])}
    assert points_of_curves(variables, run).tolist() == [True, True, False, False, False]
