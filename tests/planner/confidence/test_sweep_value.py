import numpy as np
import pytest

from optimoe.planner.confidence.sweep_value import value_of_sweep
from optimoe.report.words.plan.confidence import robustness_sentences
from tests.planner.asked import large_plan

RANDOM = np.random.default_rng(1)
TRUTH = RANDOM.normal(size=100)
COSTS = np.stack([np.ones(100), 1 + TRUTH, 1 - TRUTH])
"""One safe decision, and two of which one is better by chance."""
PERFECT = np.abs(TRUTH).mean() + min(COSTS.mean(axis=1)) - 1


def test_a_sweep_without_scatter_is_worth_perfect_knowledge():
    assert value_of_sweep(COSTS, TRUTH[:, None], 1e-4) == pytest.approx(PERFECT, rel=1e-3)


def test_a_sweep_of_noise_is_worth_nothing():
    assert value_of_sweep(COSTS, TRUTH[:, None], 1e6) == pytest.approx(0, abs=1e-9)


def test_more_runs_and_less_scatter_are_worth_more():
    def worth(runs, scatter):
        return np.mean([value_of_sweep(COSTS, np.tile(TRUTH[:, None], runs), scatter, seed) for seed in range(20)])

    assert 0 < worth(1, 2.0) < worth(16, 2.0) < PERFECT
    assert worth(1, 2.0) < worth(1, 0.5)


def test_a_plan_says_what_its_proxies_cost_and_are_worth():
    result, robust = large_plan()
    found = robust.uncertainty
    assert found.sweep.worth <= found.mean_regret * (1 + 1e-9)
    assert 0 < found.sweep.usd < 0.011 * result.choice.train_usd
    assert any("proxies of winner/proxies.toml cost" in words for words in robustness_sentences(result, robust))
