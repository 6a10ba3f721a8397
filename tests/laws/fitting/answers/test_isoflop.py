import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import (
    analyse_isoflop,
    fit,
    loss_curve,
)
from optimoe.laws.runs import Observations


@pytest.fixture
def isoflop_runs():
    """Seven sizes around the optimum at each of four budgets, on Besiroglu's law."""
    law = find_law("besiroglu2024")
    flops = np.repeat([1e19, 1e20, 1e21, 1e22], 7)
    params = law.optimal_params(flops) * np.tile(np.exp(np.linspace(-1, 1.5, 7)), 4)
    tokens = flops / (6 * params)
    return Observations(variables={"N": params, "D": tokens}, loss=law.loss(N=params, D=tokens))


def test_parabolas_are_biased_by_the_amount_they_state(isoflop_runs):
    law = find_law("besiroglu2024")
    analysis = analyse_isoflop(isoflop_runs, fit(isoflop_runs, "chinchilla").law)
    assert len(analysis.budgets) == 4
    for budget in analysis.budgets:
        optimum = law.optimal_params(budget.train_flops)
        assert budget.params_direct == pytest.approx(optimum, rel=1e-5)
        assert np.log(budget.params_parabola / optimum) == pytest.approx(budget.bias_log, abs=1e-5)
        assert abs(budget.bias_log) > 1e-3
    assert analysis.exponent_direct == pytest.approx(law.params_exponent(), abs=1e-5)


def test_a_training_curve_stands_beside_the_law(isoflop_runs):
    runs = Observations(
        variables=isoflop_runs.variables,
        loss=isoflop_runs.loss * 1.01,
        labels={"run": np.array([f"run{number // 7}" for number in range(28)], dtype=object)},
    )
    curve = loss_curve(runs, find_law("besiroglu2024").row, "run2")
    assert (np.diff(curve.tokens) > 0).all()
    np.testing.assert_allclose(curve.log_ratio, np.log(1.01))
    with pytest.raises(ConfigError, match="run"):
        loss_curve(runs, find_law("besiroglu2024").row, "run9")
