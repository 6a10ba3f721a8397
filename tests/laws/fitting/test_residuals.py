"""What residuals say of the runs."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.laws.fitting import FitOptions, LeastSquares, StudentT, fit
from optimoe.laws.fitting.residuals import outliers, populations
from optimoe.laws.runs import Observations

OBJECTIVES = (LeastSquares(), StudentT())


def offset(runs, mask, by):
    return replace(runs, loss=np.where(mask, runs.loss * np.exp(by), runs.loss))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_two_populations_are_noticed_and_the_label_that_parts_them_is_named(planted, objective):
    runs = planted("besiroglu2024", noise=0.005)
    second = np.random.default_rng(1).random(len(runs)) < 0.4
    labels = {
        "vocabulary": np.where(second, "b", "a").astype(object),
        "machine": np.array(["x", "y", "z"], dtype=object)[np.arange(len(runs)) % 3],
    }
    runs = replace(offset(runs, second, 0.04), labels=labels)
    (remark,) = fit(runs, "chinchilla", FitOptions(objective=objective)).remarks
    assert remark.startswith(f"ln L of the {second.sum()} rows with vocabulary b lies 0.0")
    assert "above that of the" in remark
    assert "two populations in one table?" in remark


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda objective: objective.name)
def test_a_hidden_population_is_noticed_without_a_label(planted, objective):
    runs = planted("besiroglu2024", noise=0.005)
    second = np.random.default_rng(1).random(len(runs)) < 0.3
    (remark,) = fit(offset(runs, second, 0.04), "chinchilla", FitOptions(objective=objective)).remarks
    assert remark.startswith("the residuals lie in two heaps: ")
    assert "no label of the table parts them" in remark


def test_a_variable_that_the_law_does_not_use_can_part_the_runs(planted):
    runs = planted("besiroglu2024", noise=0.005)
    experts = np.where(np.arange(len(runs)) % 2 == 0, 8.0, 1.0)
    runs = replace(offset(runs, experts == 8, -0.05), variables=runs.variables | {"E": experts})
    (remark,) = fit(runs, "chinchilla").remarks
    assert "rows with E 1 lies" in remark


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("draw", ["normal", "student", "cauchy"])
def test_one_population_is_not_taken_for_two(draw, seed):
    rng = np.random.default_rng(seed)
    noise = {
        "normal": rng.standard_normal,
        "student": lambda n: rng.standard_t(4, n),
        "cauchy": rng.standard_cauchy,
    }
    residual = 0.01 * noise[draw](150)
    label = np.array(["a", "b", "c", "d"], dtype=object)[rng.integers(4, size=150)]
    runs = Observations(variables={"N": np.full(150, 1e8)}, loss=np.full(150, 3.0), labels={"kind": label})
    assert populations(runs, residual, ("N",)) == ()


def test_outliers_are_said_to_be_extreme_where_they_are(planted):
    runs = planted("besiroglu2024", noise=0.005)
    residual = np.random.default_rng(0).normal(0, 0.01, len(runs))
    largest = int(np.argmax(runs.column("N")))
    residual[largest] = 0.2
    (flag,) = outliers(runs, residual)
    assert (flag.row, flag.used) == (largest + 1, True)
    assert f"N = {runs.column('N')[largest]:.3g} is above 98 % of the runs" in flag.reason
