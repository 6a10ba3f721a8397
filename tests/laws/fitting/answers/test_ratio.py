"""The best ratio from runs: planted laws come back, nothing is repaired, and what runs cannot tell is said."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import analyse_ratio
from optimoe.laws.published.li.runs import synthetic_runs, true_law
from optimoe.laws.runs import Observations
from optimoe.laws.terms.ratio import best_ratio

PLANTED = {"alpha0": 2e-4, "alpha1": -0.9, "beta0": 0.21, "beta1": 0.18}
SPARSITIES = (0.8, 0.9, 0.96)
BUDGETS = (1e18, 1e19, 1e20)


def runs(valley=0.03, noise=0.0, sizes=(1e8,), seed=0, sparsities=SPARSITIES, budgets=BUDGETS, **law):
    """Runs with a parabola in ln r at each sparsity, budget and size, its minimum on the planted law."""
    rng, rows = np.random.default_rng(seed), []
    for S in sparsities:
        for C in budgets:
            for size in sizes:
                best = float(best_ratio(C, 1 - S, **(PLANTED | law)))
                rows += [
                    (S, C, C / (6 * size), best * np.exp(off), 2.5 + valley * off**2)
                    for off in np.linspace(-1, 1, 7)
                ]
    table = np.array(rows).T
    loss = table[4] * np.exp(noise * rng.standard_normal(len(rows)))
    return Observations(variables=dict(zip(("S", "C", "D", "r"), table[:4], strict=True)), loss=loss)


def test_a_planted_law_comes_back_without_noise():
    found = analyse_ratio(runs(), resamples=0)
    assert found.verdict == "sound"
    assert {name: getattr(found, name).value for name in PLANTED} == pytest.approx(PLANTED, rel=1e-6)
    for line in found.lines:
        share = 1 - line.sparsity
        assert line.factor.value == pytest.approx(2e-4 * share**-0.9, rel=1e-6)
        assert line.exponent.value == pytest.approx(0.21 * share**0.18, rel=1e-6)
        assert line.middle_ratio.value == pytest.approx(float(best_ratio(1e19, share, **PLANTED)), rel=1e-6)
    assert not found.falls
    assert not found.skipped


def test_what_costs_a_thousandth_of_a_nat_is_named():
    budget = analyse_ratio(runs(valley=0.03), resamples=0).budgets[0]
    assert np.log(budget.flat_high / budget.ratio.value) == pytest.approx((0.001 / 0.03) ** 0.5, rel=1e-6)
    assert budget.flat_low * budget.flat_high == pytest.approx(budget.ratio.value**2, rel=1e-9)


def test_the_published_rule_stands_beside_every_minimum():
    for budget in analyse_ratio(runs(), resamples=0).budgets:
        share = 1 - budget.sparsity
        expected = find_law("li2026-rstar").evaluate("r_star", {"E": 3 / share, "C": budget.train_flops})
        assert budget.rule == pytest.approx(expected, rel=1e-9)


def test_intervals_hold_the_planted_numbers_as_often_as_they_say():
    hits = []
    for seed in range(12):
        found = analyse_ratio(runs(noise=0.001, seed=seed, sizes=(5e7, 1e8)), resamples=60)
        hits += [getattr(found, name).low <= value <= getattr(found, name).high for name, value in PLANTED.items()]
    assert np.mean(hits) > 0.75  # 0.9 but for chance: 48 dependent ones


def test_sizes_of_one_budget_are_kept_apart_and_are_one_point_of_the_line():
    found = analyse_ratio(runs(sizes=(5e7, 1e8, 2e8)), resamples=0)
    assert len(found.budgets) == len(SPARSITIES) * len(BUDGETS) * 3
    assert [line.budgets for line in found.lines] == [3, 3, 3]
    assert {round(budget.flops_per_token) for budget in found.budgets} == {3 * 10**8, 6 * 10**8, 12 * 10**8}


def test_a_falling_ratio_is_said_and_left_as_it_is():
    found = analyse_ratio(runs(beta0=-0.05), resamples=20)
    assert found.lines[0].exponent.value == pytest.approx(-0.05 * 0.2**0.18, rel=1e-6)
    assert len(found.falls) == 6
    assert found.falls[0].startswith("S = 0.8: ")
    assert found.verdict == "ill_conditioned"
    assert np.isnan(found.beta1.value)


def test_minima_beyond_the_ratios_that_were_run_count_in_no_line():
    table = runs()
    best = best_ratio(table.variables["C"], 1 - table.variables["S"], **PLANTED)
    beyond = np.where(table.variables["C"] == 1e20, 1.5, 0.0)  # the ratios end at ln r = ln r* + 1
    moved = 2.5 + 0.03 * (np.log(table.variables["r"] / best) - beyond) ** 2
    found = analyse_ratio(Observations(variables=table.variables, loss=moved), resamples=0)
    assert {budget.train_flops for budget in found.budgets if not budget.inside} == {1e20}
    assert [line.budgets for line in found.lines] == [2, 2, 2]
    assert found.verdict == "too_few_runs"
    assert found.alpha1.value == pytest.approx(PLANTED["alpha1"], rel=1e-6)


@pytest.mark.parametrize(
    ("sparsities", "budgets", "verdict"),
    [
        ((0.9,), BUDGETS, "reduced"),
        ((0.9,), (1e18, 1e20), "too_few_runs"),
        ((0.8, 0.9), BUDGETS, "too_few_runs"),
        (SPARSITIES, (1e20,), "too_few_runs"),
    ],
)
def test_what_a_line_through_two_points_says_is_no_sound_law(sparsities, budgets, verdict):
    found = analyse_ratio(runs(noise=1e-4, sparsities=sparsities, budgets=budgets), resamples=30)
    assert found.verdict == verdict


def test_flops_are_those_of_active_parameters_and_never_of_total_ones():
    table = runs()
    flops = table.variables["C"]
    others = {name: column for name, column in table.variables.items() if name != "C"}
    with pytest.raises(ConfigError, match="with C, or N_act and D"):
        analyse_ratio(Observations(variables={**others, "N": np.full(len(flops), 1e9)}, loss=table.loss))
    active = flops / (6 * others["D"])
    same = analyse_ratio(Observations(variables={**others, "N_act": active}, loss=table.loss), resamples=0)
    assert same.alpha1.value == pytest.approx(PLANTED["alpha1"], rel=1e-6)


def test_runs_without_ratio_sparsity_or_four_ratios_are_refused():
    table = runs()
    for name in ("r", "S"):
        without = {key: column for key, column in table.variables.items() if key != name}
        with pytest.raises(UnknownNameError, match=f"'{name}'"):
            analyse_ratio(Observations(variables=without, loss=table.loss))
    with pytest.raises(ConfigError, match=r"four ratios r.*runs of 3 ratios"):
        analyse_ratio(table.select(np.arange(len(table)) % 7 < 3))


def test_a_wide_window_flattens_the_growth_where_the_valley_is_no_parabola():
    """What the procedure does to a known law without noise is what it may do to an unknown one."""
    columns = synthetic_runs().variables
    exact = true_law().loss(**{name: columns[name] for name in ("N", "D", "S", "r", "C")})
    table = Observations(variables=columns, loss=exact)
    truth = np.array([0.24 * (3 / count) ** 0.21 for count in (17, 33, 65, 129)])
    narrow, wide = (
        np.array([line.exponent.value for line in analyse_ratio(table, window=window, resamples=0).lines]) / truth
        for window in (5, 7)
    )
    np.testing.assert_allclose(narrow, 1, atol=0.01)
    assert (wide < 0.99).all()
