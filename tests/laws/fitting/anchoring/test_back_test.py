"""Laws held against runs that they have not seen."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.proportions import Proportions
from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import FitOptions, LeastSquares
from optimoe.laws.fitting.anchoring import BackTestOptions, back_test
from optimoe.laws.fitting.anchoring.back_test import seen_by
from optimoe.laws.runs import DesignRuns, Observations

OWN = find_law("optimoe2026")
RULE = "D > 1.5e9 and width == 'd512'"
"""Takes the two longer runs of each model of the largest width."""


def planted(scale=1.0, noise=0.0):
    """Runs of routed and dense models whose losses are those of our law, times a scale."""
    random, archs, tokens, losses = np.random.default_rng(0), [], [], []
    for width in (256, 384, 512):
        for experts in (1, 8, 32):
            arch = Proportions(d_model=width, num_layers=8, num_experts=experts, expert_ffn_ratio=2, head_dim=32)
            for D in (1e9, 2e9, 4e9):
                archs.append(arch.arch(f"d{width}-e{experts}"))
                tokens.append(D)
                losses.append(scale * float(OWN.arch_loss(archs[-1], D)) * np.exp(noise * random.normal()))
    counted = [OWN.run_inputs(arch, D) for arch, D in zip(archs, tokens, strict=True)]
    table = {name: np.array([float(one[name]) for one in counted]) for name in ("N_act", "D")}
    width = {"width": np.array([arch.name.split("-")[0] for arch in archs], dtype=object)}
    observations = Observations(variables=table, loss=np.array(losses), labels=width)
    return DesignRuns(observations=observations, archs=tuple(archs))


def test_the_law_that_made_the_runs_predicts_the_largest_best_and_one_run_gives_its_level():
    runs = planted(scale=1.2)
    found = back_test(
        runs, RULE, [OWN, find_law("besiroglu2024")], options=BackTestOptions(choices=2, anchors=(1, 4))
    )
    by = {(test.law, test.way, test.runs): test for test in found.tests}
    assert found.tests[0].law == "optimoe2026" and found.tests[0].way == "anchored"
    assert (found.seen, found.held) == (21, 6) and by["optimoe2026", "as published", 0].held == 6
    assert by["optimoe2026", "anchored", 1].median < 0.02 < by["optimoe2026", "offset", 21].median
    assert by["optimoe2026", "as published", 0].bias == pytest.approx(
        -by["optimoe2026", "as published", 0].median, rel=0.3
    )
    assert by["besiroglu2024", "as published", 0].held == 2  # the dense ones: it ranks no experts
    assert "prior" not in {way for law, way, _ in by if law == "besiroglu2024"}
    assert [test.median for test in found.tests] == sorted(test.median for test in found.tests)


def test_each_run_held_out_is_said_with_what_the_law_predicts_and_errors_are_those_of_the_test():
    runs = planted(noise=0.01)
    found = back_test(runs, RULE, [OWN], options=BackTestOptions(choices=3, anchors=(4,)))
    for test in found.tests:
        errors = [one.predicted - one.measured for one in test.predicted]
        assert [one.run for one in test.predicted] == [
            f"d512-e{experts}" for experts in (1, 8, 32) for _ in range(2)
        ]
        assert max(errors, key=abs) == pytest.approx(test.worst)
        assert np.median(np.abs(errors)) == pytest.approx(test.median)
    assert found.tests[0].source == OWN.row.source


def test_the_spread_of_seeds_is_that_of_runs_which_differ_in_nothing_else():
    runs = planted()
    losses = 3 + np.array([0.0, 0.2, 0.1, 0.5, 0.5, *np.arange(22)])
    told = replace(
        runs,
        observations=replace(runs.observations, loss=losses),
        designs=("a", "a", "a", "b", "b", *(f"alone {number}" for number in range(22))),
    )
    assert told.seed_spread == pytest.approx(np.sqrt(0.02 / 3))  # 0.1² + 0.1² + 0² of a, 0 of b, over 2 + 1
    assert told.select(np.arange(27) < 2).seed_spread == pytest.approx(np.sqrt(0.02))
    assert np.isnan(told.select(np.arange(27) > 3).seed_spread)
    assert np.isnan(runs.seed_spread)  # nobody says


def test_a_family_is_fitted_to_the_seen_runs_alone_and_counts_by_itself():
    runs = planted(noise=0.002)
    mask = runs.observations.where(RULE)
    changed = replace(runs.observations, loss=np.where(mask, 2 * runs.observations.loss, runs.observations.loss))
    options = BackTestOptions(fit=FitOptions(objective=LeastSquares()))
    same, other = (
        back_test(one, RULE, families=["expansion"], options=options).tests[0]
        for one in (runs, replace(runs, observations=changed))
    )
    assert (same.way, same.runs, same.median < 0.02) == ("fitted", 21, True)
    predicted = 2 * runs.observations.loss[mask] + other.bias  # as of the same law, the error larger by the loss
    assert np.mean(predicted) == pytest.approx(np.mean(runs.observations.loss[mask]) + same.bias)


def test_what_a_law_sees_of_runs_gives_the_loss_that_it_gives_the_models():
    runs = planted()
    seen = seen_by(OWN, runs)
    assert OWN.loss(**seen.variables) == pytest.approx(runs.observations.loss)  # factors of the design included


def test_what_cannot_be_tested_is_said_with_the_reason():
    runs = planted().select(np.arange(27) % 3 != 0)
    found = back_test(runs, "D > 2e9", [find_law("krajewski2024-e64-digits")], ["yun", "ludziejewski"])
    assert not any(test.law.startswith("krajewski") for test in found.tests)
    assert "krajewski2024-e64-digits" in found.silent and "ludziejewski, fitted" in found.silent
    with pytest.raises(ConfigError, match="holdout: must be a rule that takes some runs and leaves some"):
        back_test(runs, "D > 1", [OWN])
    with pytest.raises(ConfigError, match="anchors: must be positive"):
        BackTestOptions(anchors=(0,))
