"""Learning rates by their authors' rules: what moves them, and which designs they take."""

import numpy as np
import pytest

from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from tests.laws.designs import DENSE, SWITCH


def test_step_law_falls_with_size_rises_with_tokens_and_its_batch_knows_tokens_alone():
    law = find_law("steplaw2025")
    assert law.peak_rate(np.array([1e8, 1e9]), 1e10)[1] < law.peak_rate(1e8, 1e10) < law.peak_rate(1e8, 1e11)
    assert law.outputs["batch_tokens"] == ("D",)
    assert law.batch_tokens(1e11) / law.batch_tokens(1e10) == pytest.approx(10**0.571, rel=1e-12)


def test_step_law_reads_dense_models_without_embeddings_and_refuses_experts():
    law = find_law("steplaw2025")
    inputs = law.arch_inputs(DENSE, 1e10)
    assert inputs == {"N": count_params(DENSE).nonembedding, "D": 1e10}
    assert law.evaluate_arch("lr", DENSE, 1e10) == law.peak_rate(**inputs)
    with pytest.raises(ConfigError, match="must be a dense model"):
        law.arch_inputs(SWITCH, 1e10)


def test_marins_two_rules_count_a_batch_differently_and_mean_one_square_root():
    for name, unit in (("marin2026-lr-v16", 4096.0), ("marin2026-lr-may", 1.0)):
        law = find_law(name)
        one = law.peak_rate(1e10, 1024, unit)
        c = law.coefficients
        assert one == pytest.approx(c["lr0"] * 1e10 ** c["lr_D"] * 1024 ** c["lr_d"], rel=1e-12)
        assert law.peak_rate(1e10, 1024, 4 * unit) == pytest.approx(2 * one, rel=1e-12)
        assert law.matrix_rate(1e10, 1024, unit) == pytest.approx(13 / 3 * one, rel=1e-12)


def test_the_printed_form_of_the_may_rule_for_matrices_is_the_same_rule():
    law = find_law("marin2026-lr-may")
    printed = 18.31 * 8.43e9**-0.395 * 1024**-0.150 * 128**0.5
    assert law.matrix_rate(8.43e9, 1024, 128 * 4096) == pytest.approx(printed, rel=3e-4)


def test_a_cooldown_is_a_share_of_the_tokens_and_ends_at_zero():
    law = find_law("hagele2024-cooldown")
    assert law.evaluate_arch("cooldown_tokens", SWITCH, 1e10) == pytest.approx(2e9)
    rates = law.rate(np.linspace(0, 1, 9))
    assert rates[0] == 1 and rates[-1] == 0
    assert (np.diff(rates) < 0).all()


def test_a_rule_that_needs_the_batch_says_so_of_a_design():
    with pytest.raises(ConfigError, match="needs the batch too"):
        find_law("marin2026-lr-may").evaluate_arch("lr", SWITCH, 1e10)
