"""IsoFLOP parabolas, their bias, their intervals, and laws beside them."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import analyse_isoflop, bootstrap, fit
from optimoe.laws.runs import Observations


@pytest.fixture
def isoflop_runs():
    """Seven sizes around the optimum at each of four budgets, on Besiroglu's law."""
    return planted_budgets(np.linspace(-1, 1.5, 7))


def planted_budgets(log_sizes, noise=0.0, seed=0):
    law = find_law("besiroglu2024")
    flops = np.repeat([1e19, 1e20, 1e21, 1e22], len(log_sizes))
    params = law.optimal_params(flops) * np.tile(np.exp(log_sizes), 4)
    tokens = flops / (6 * params)
    loss = law.loss(N=params, D=tokens) * np.exp(noise * np.random.default_rng(seed).standard_normal(len(flops)))
    labels = {"cell": np.array([f"{flop:g}" for flop in flops], dtype=object)}
    return Observations(variables={"N": params, "D": tokens}, loss=loss, labels=labels)


def test_parabolas_are_biased_by_the_amount_they_state(isoflop_runs):
    law = find_law("besiroglu2024")
    analysis = analyse_isoflop(isoflop_runs, [law.row])
    assert len(analysis.budgets) == 4
    for budget in analysis.budgets:
        optimum = law.optimal_params(budget.train_flops)
        (minimum,) = budget.laws
        assert minimum.params.value == pytest.approx(optimum, rel=1e-4)
        assert np.log(budget.params.value / optimum) == pytest.approx(minimum.bias_log, abs=1e-3)
        assert budget.tokens.value * budget.params.value * 6 == pytest.approx(budget.train_flops)
        assert abs(minimum.bias_log) > 1e-3
        assert not minimum.at_edge
    assert analysis.laws["besiroglu2024"].value == pytest.approx(law.params_exponent(), abs=1e-4)
    assert analysis.params.value + analysis.tokens.value == pytest.approx(1)


def test_only_sizes_around_the_minimum_bend_the_parabola():
    law = find_law("besiroglu2024")
    wide = planted_budgets(np.linspace(-3, 4, 21))
    near, all_sizes = analyse_isoflop(wide), analyse_isoflop(wide, window=21)
    assert [budget.window for budget in near.budgets] == [7] * 4
    for budget, other in zip(near.budgets, all_sizes.budgets, strict=True):
        optimum = law.optimal_params(budget.train_flops)
        assert abs(np.log(budget.params.value / optimum)) < 0.2 * abs(np.log(other.params.value / optimum))


def test_exponents_have_intervals_that_hold_the_truth_and_widen_with_noise():
    truth = find_law("besiroglu2024").params_exponent()
    calm, wild = (
        analyse_isoflop(planted_budgets(np.linspace(-0.7, 0.7, 9), noise=noise)).params for noise in (5e-4, 2e-3)
    )
    for found in (calm, wild):
        assert found.low < truth < found.high
    assert wild.high - wild.low > 2 * (calm.high - calm.low)


def test_a_law_with_draws_has_an_interval_of_its_own():
    runs = planted_budgets(np.linspace(-1, 1, 7), noise=1e-3)
    fitted = fit(runs, "chinchilla")
    drawn = bootstrap(runs, fitted, resamples=50)
    row = replace(fitted.law, draws={name: tuple(values) for name, values in drawn.coefficients.items()})
    found = analyse_isoflop(runs, [row]).laws[row.name]
    assert found.low < found.value < found.high
    bare = analyse_isoflop(runs, [fitted.law]).laws[row.name]
    assert bare.value == pytest.approx(found.value)
    assert np.isnan(bare.low)


def test_a_budget_is_a_label_or_is_found_by_its_flops(isoflop_runs):
    found, labelled = analyse_isoflop(isoflop_runs), analyse_isoflop(isoflop_runs, budgets="cell")
    assert [budget.train_flops for budget in labelled.budgets] == [1e19, 1e20, 1e21, 1e22]
    assert found.params.value == pytest.approx(labelled.params.value)
    with pytest.raises(UnknownNameError, match="nowhere"):
        analyse_isoflop(isoflop_runs, budgets="nowhere")


def test_a_budget_of_another_accounting_is_followed_as_its_runs_go(isoflop_runs):
    """Tokens that are no power of the size are read off the runs, and a law is asked no further than twice."""
    law = find_law("besiroglu2024")
    flops = isoflop_runs.size
    tokens = flops / (6 * (isoflop_runs.column("N") + 3e7))
    runs = Observations(
        variables={"N": isoflop_runs.column("N"), "D": tokens},
        loss=law.loss(N=isoflop_runs.column("N"), D=tokens),
        labels=isoflop_runs.labels,
    )
    analysis = analyse_isoflop(runs, [law.row], budgets="cell")
    for budget in analysis.budgets:
        (minimum,) = budget.laws
        sizes = np.exp(np.linspace(-1, 1, 2001)) * minimum.params.value
        true = sizes[np.argmin(law.loss(N=sizes, D=budget.train_flops / (6 * (sizes + 3e7))))]
        # two per cent: a parabola stands for ln(N + 3e7); at 6ND the minimum would be off by up to 16 %
        assert minimum.params.value == pytest.approx(true, rel=0.02)


def test_budgets_with_three_sizes_are_left_out_and_named(isoflop_runs):
    few = isoflop_runs.select(np.arange(28) < 24)
    assert analyse_isoflop(few).skipped == ("1e+22: 3 runs of 3 sizes",)
    with pytest.raises(ConfigError, match="4 sizes at one budget"):
        analyse_isoflop(isoflop_runs.select(np.arange(28) < 3))
    with pytest.raises(ConfigError, match="need a size"):
        analyse_isoflop(Observations(variables={"D": isoflop_runs.column("D")}, loss=isoflop_runs.loss))
