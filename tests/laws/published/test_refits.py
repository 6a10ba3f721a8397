"""Refits of released runs, where the data sets are at hand."""

import numpy as np
import pytest

from optimoe.core.claims import Asked
from optimoe.core.errors import DataSetError
from optimoe.laws.datasets import load_chinchilla_runs, load_routing_points
from optimoe.laws.published.refits import chinchilla_refit, clark_refit


@pytest.fixture
def chinchilla_runs():
    try:
        return load_chinchilla_runs()
    except DataSetError as error:
        pytest.skip(str(error))


@pytest.fixture
def routed_runs():
    try:
        return load_routing_points("RL-R")
    except DataSetError as error:
        pytest.skip(str(error))


def absolute(output):
    return chinchilla_refit(Asked(output=output, inputs={"objective": "absolute"}))


def test_the_sum_of_absolute_residuals_gives_besiroglus_printed_coefficients(chinchilla_runs):
    """The paper prints A 482.01, α 0.3478; the plain Huber fit has A 477.83."""
    assert absolute("A") == pytest.approx(482.01, abs=0.005)
    assert absolute("B") == pytest.approx(2085.43, abs=0.01)
    assert absolute("alpha") == pytest.approx(0.3478, abs=5e-5)
    assert chinchilla_refit(Asked(output="A")) == pytest.approx(477.8259, abs=1e-3)


def test_no_point_nearby_has_less_absolute_misfit(chinchilla_runs):
    point = np.array([absolute(name) for name in ("E", "A", "B", "alpha", "beta")])

    def misfit(c):
        loss = c[0] + c[1] * chinchilla_runs.params ** -c[3] + c[2] * chinchilla_runs.tokens ** -c[4]
        return np.abs(np.log(loss) - np.log(chinchilla_runs.loss)).sum()

    moved = point * (1 + 1e-3 * np.random.default_rng(0).standard_normal((200, 5)))
    assert misfit(point) < min(map(misfit, moved))


def test_all_runs_kept_move_the_exponent_of_the_tokens(chinchilla_runs):
    assert chinchilla_refit(Asked(output="beta", inputs={"outliers": True})) == pytest.approx(0.453, abs=5e-4)


def test_a_refit_by_router_and_its_interval(routed_runs):
    asked = {"law": "clark2022-rlr", "output": "E_max"}
    best = clark_refit(Asked(**asked))
    low, high = clark_refit(Asked(**asked, inputs={"interval": True}))
    assert best == pytest.approx(450.28, rel=1e-4)
    assert low < best < high
    assert low < 469.982 < high
    assert clark_refit(Asked(**asked, inputs={"with_dense": False})) != pytest.approx(best, rel=0.01)
