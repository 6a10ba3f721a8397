"""Schedules of learning rates and their areas."""

from itertools import pairwise

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.runs import Observations
from optimoe.laws.terms.schedules import annealing_areas, cooldown_rate, warmup_stable_decay
from tests.laws.cases import ANNEALING


def double_sum(rates, memory):
    """S2 as the paper writes it: Σ_i Σ_k (η_(k−1) − η_k)·λ^(i−k), step by step."""
    falls = [0.0, *(before - after for before, after in pairwise(rates))]
    felt = [sum(falls[k] * memory ** (i - k) for k in range(i + 1)) for i in range(len(rates))]
    return np.cumsum(felt)


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.99])
def test_areas_are_the_sums_of_the_paper(memory):
    rates = 3e-4 * warmup_stable_decay(60, 0, 20, "linear")
    forward, annealing = annealing_areas(rates, memory)
    np.testing.assert_allclose(forward, np.cumsum(rates), rtol=1e-12)
    np.testing.assert_allclose(annealing, double_sum(rates, memory), rtol=1e-9, atol=1e-18)


def test_a_constant_rate_has_no_annealing_area_and_a_rise_a_negative_one():
    assert (annealing_areas(np.full(50, 1e-3), 0.99)[1] == 0).all()
    assert annealing_areas(np.array([1e-3, 2e-3, 2e-3]), 0.9)[1][-1] < 0


@pytest.mark.parametrize("shape", ["linear", "one_minus_sqrt"])
def test_a_schedule_warms_up_stays_and_cools_to_zero(shape):
    rates = warmup_stable_decay(1000, 100, 200, shape)
    assert rates[0] == pytest.approx(0.01)
    assert (rates[99:800] == 1).all()
    assert (np.diff(rates[800:]) < 0).all() and rates[-1] == 0


def test_the_square_root_falls_faster_at_first():
    assert cooldown_rate(0.25, "one_minus_sqrt") == 0.5 < cooldown_rate(0.25, "linear") == 0.75


def test_what_no_schedule_can_be_is_refused():
    with pytest.raises(ConfigError, match="cooldown_steps: must be at most 90"):
        warmup_stable_decay(100, 10, 95, "linear")
    with pytest.raises(ConfigError, match="rates: must be zero or more"):
        annealing_areas(np.array([1e-3, -1e-3]), 0.9)
    with pytest.raises(ConfigError, match="memory: must be between 0 and 1"):
        annealing_areas(np.array([1e-3, 1e-3]), 1.5)


def test_two_curves_of_two_schedules_give_the_loss_of_a_third():
    """The paper's use: fit a constant and a decayed run, ask for another length and cooldown."""

    def run(steps, cooldown, shape):
        forward, annealing = annealing_areas(1e-3 * warmup_stable_decay(steps, 0, cooldown, shape), 0.999)
        return {"S1": forward[200:], "S2": annealing[200:]}

    seen = [run(4000, 0, "linear"), run(4000, 3999, "linear")]
    areas = {symbol: np.concatenate([one[symbol] for one in seen])[::20] for symbol in ("S1", "S2")}
    loss = ANNEALING.loss(**areas) * np.exp(1e-3 * np.random.default_rng(0).standard_normal(len(areas["S1"])))
    fitted = fit(Observations(variables=areas, loss=loss), "annealing", FitOptions(objective=LeastSquares()))
    assert fitted.verdict == "sound"
    unseen = run(8000, 1600, "one_minus_sqrt")
    np.testing.assert_allclose(
        find_family("annealing")(fitted.law).loss(**unseen), ANNEALING.loss(**unseen), rtol=5e-3
    )
