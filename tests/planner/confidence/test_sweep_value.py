import numpy as np
import pytest

from optimoe.planner.confidence.sweep_value import told, value_of_sweep
from optimoe.planner.runs.proxies import ladder
from optimoe.report.words.plan.confidence import robustness_sentences
from tests.planner.asked import large_plan

RANDOM = np.random.default_rng(1)
TRUTH = RANDOM.normal(size=100)
COSTS = np.stack([np.ones(100), 1 + TRUTH, 1 - TRUTH])
"""One safe decision, and two of which one is better by chance."""
PERFECT = np.abs(TRUTH).mean() + min(COSTS.mean(axis=1)) - 1


def worth_of(seen, scatter, seed=0):
    """The value of a sweep that sees so much."""
    return value_of_sweep(COSTS, told(seen, scatter, seed))


def test_a_sweep_without_scatter_is_worth_perfect_knowledge():
    assert worth_of(TRUTH[:, None], 1e-4) == pytest.approx(PERFECT, rel=1e-3)


def test_a_sweep_of_noise_is_worth_nothing():
    assert worth_of(TRUTH[:, None], 1e6) == 0
    assert worth_of(RANDOM.normal(size=(100, 3)), 1e-4) < 0.1 * PERFECT


def test_more_runs_and_less_scatter_are_worth_more():
    def worth(runs, scatter):
        return np.mean([worth_of(np.tile(TRUTH[:, None], runs), scatter, seed) for seed in range(20)])

    assert 0 < worth(16, 2.0) < PERFECT
    assert worth(1, 2.0) < worth(16, 2.0)
    assert worth(1, 2.0) < worth(1, 0.5)


def test_what_a_sweep_cannot_see_is_expected_as_before():
    unseen = RANDOM.normal(size=(100, 1))
    expected = told(TRUTH[:, None], 1e-3).expected(np.hstack([TRUTH[:, None], unseen]))
    assert expected[:, 0] == pytest.approx(TRUTH, abs=1e-2)
    assert np.std(expected[:, 1]) < 0.3 * np.std(unseen)


def test_a_plan_says_what_its_proxies_cost_and_are_worth():
    result, robust = large_plan()
    found, choice, training = robust.uncertainty, result.choice, result.problem.training
    assert found.sweep.worth <= found.mean_regret * (1 + 1e-9)
    runs = ladder(choice, result.problem.space)
    assert found.sweep.num_runs == len(runs)
    gpu_s = sum(run.train_flops for run in runs) / (training.accelerator.flops_per_s("bf16") * choice.training.mfu)
    assert found.sweep.usd == pytest.approx(gpu_s * training.price.usd_per_gpu_s)
    assert any("proxies of winner/proxies.toml cost" in words for words in robustness_sentences(result, robust))
