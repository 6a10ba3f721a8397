"""The rows of a long table on which starts are tried."""

import numpy as np

from optimoe.laws.fitting.setup.sample import ROWS_A_KIND, sampled
from optimoe.laws.runs import Observations


def table(num_runs=60_000):
    rng = np.random.default_rng(0)
    experts = np.where(np.arange(num_runs) % 1500 == 0, 64.0, 1.0)  # forty rows in sixty thousand
    variables = {
        "N": np.exp(rng.uniform(17, 23, num_runs)),
        "D": np.exp(rng.uniform(21, 27, num_runs)),
        "E": experts,
    }
    return Observations(variables=variables, loss=rng.uniform(2, 4, num_runs))


def test_a_sample_holds_the_ends_of_every_variable_and_spreads_evenly():
    runs = table()
    some = sampled(runs, 3000)
    assert 2500 < len(some) < 3500
    for name in ("N", "D"):
        assert (some.column(name).min(), some.column(name).max()) == (
            runs.column(name).min(),
            runs.column(name).max(),
        )
        shares = np.histogram(np.log(some.column(name)), 10)[0] / len(some)
        assert 0.08 < shares.min() < shares.max() < 0.12


def test_a_rare_number_of_experts_is_in_the_sample():
    assert (sampled(table(), 3000).column("E") == 64).sum() >= ROWS_A_KIND


def test_a_sample_is_the_same_each_time_and_a_short_table_is_its_own():
    runs = table()
    assert sampled(runs).rows.tolist() == sampled(runs).rows.tolist()
    assert sampled(runs, len(runs)) is runs
