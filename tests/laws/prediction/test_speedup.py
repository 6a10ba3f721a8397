"""Effective speed-ups: a variant that is as good as more compute has that compute as its speed-up."""

import math
from dataclasses import replace

import numpy as np
import pytest

from optimoe.arch.proportions import Proportions
from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.prediction.speedup import RunPair, ScalingSlope, judge, slope_of, speed_up

SLOPE = ScalingSlope(alpha=0.1, floor=1.5, source="stated")


def loss(flops):
    return SLOPE.floor + 90 * flops**-SLOPE.alpha


def ladder(gain, noise=0.0, seeds=(0, 1, 2), slower=1.0):
    """A variant whose every run is as good as the baseline's with ``gain`` times the compute."""
    drawn = np.random.default_rng(0)
    return [
        RunPair(
            rung=f"{flops:g}",
            seed=seed,
            losses=(loss(flops), loss(flops * gain * math.exp(noise * drawn.normal()))),
            flops=(flops, flops),
            seconds=(1.0, slower),
        )
        for flops in (1e17, 1e18, 1e19)
        for seed in seeds
    ]


def test_a_variant_as_good_as_twice_the_compute_has_twice_the_speed_and_its_slowness_counts():
    assert speed_up(SLOPE, (loss(1e18), loss(2e18)), (1.0, 1.0)) == pytest.approx(2.0)
    assert speed_up(SLOPE, (loss(1e18), loss(2e18)), (1.0, 4.0)) == pytest.approx(0.5)
    gate = judge(ladder(1.3, slower=1.5), SLOPE)
    assert [rung.rung for rung in gate.rungs] == ["1e+17", "1e+18", "1e+19"]
    assert (gate.per_flop.value, gate.per_second.value) == (pytest.approx(1.3), pytest.approx(1.3 / 1.5))
    assert gate.promoted_per_flop and not gate.promoted_per_second


def test_the_interval_is_over_seeds_and_covers_nine_of_ten_times():
    covered = 0
    for trial in range(200):
        pairs = ladder(1.0)
        drawn = np.random.default_rng(trial).normal(size=3)
        off = np.exp(0.3 * drawn)
        noisy = [replace(one, losses=(one.losses[0], loss(one.flops[0] * off[one.seed]))) for one in pairs]
        found = judge(noisy, SLOPE).per_flop
        covered += found.low <= 1.0 <= found.high
    assert found.num_seeds == 3 and 165 <= covered <= 195


def test_an_interval_holds_what_a_law_leaves_open_of_the_slope_and_one_without_its_draws_is_too_narrow():
    covered = {"drawn": 0, "taken as known": 0}
    for trial in range(100):
        random = np.random.default_rng(trial)
        spread = np.exp(0.02 * random.normal(size=3))
        gain, alpha_off, floor_off = 1.6, 0.15, 0.1
        pairs = [
            replace(one, losses=(one.losses[0], loss(one.flops[0] * gain * spread[one.seed])))
            for one in ladder(1.0)
        ]
        # what a law of runs would say: off by its own error, and draws as wide as that error
        alpha = SLOPE.alpha * math.exp(alpha_off * random.normal())
        floor = SLOPE.floor + floor_off * random.normal()
        known = ScalingSlope(alpha=alpha, floor=floor, source="stated")
        alphas = alpha * np.exp(alpha_off * random.normal(size=100))
        drawn = replace(known, alphas=alphas, floors=floor + floor_off * random.normal(size=100))
        for name, slope in (("drawn", drawn), ("taken as known", known)):
            found = judge(pairs, slope).per_flop
            covered[name] += found.low <= gain <= found.high
    assert 82 <= covered["drawn"] <= 98 and covered["taken as known"] < 50


def test_a_draw_whose_floor_a_run_has_reached_is_left_out():
    pairs, draws = ladder(1.3, noise=0.1), {"alphas": np.full(3, 0.1), "floors": np.array([1.5, 1.5, 9.0])}
    found = judge(pairs, replace(SLOPE, **draws))
    assert found.per_flop == judge(pairs, SLOPE).per_flop


def test_the_least_effect_that_is_seen_is_twice_the_standard_error_of_pairs_within_a_rung():
    changes = {"a": (-0.10, -0.14), "b": (-0.20, -0.22)}
    pairs = [
        RunPair(rung=rung, seed=seed, losses=(3.0, 3.0 + change), flops=(1.0, 1.0), seconds=(1.0, 1.0))
        for rung, some in changes.items()
        for seed, change in enumerate(some)
    ]
    pooled = (0.02**2 * 2 + 0.01**2 * 2) / 2  # each rung has one degree of freedom
    assert judge(pairs, SLOPE).pair_error == pytest.approx(math.sqrt(pooled / 2))
    assert math.isnan(judge([pair for pair in pairs if pair.seed == 0], SLOPE).pair_error)


def test_a_gain_that_ends_with_size_or_has_one_seed_is_not_promoted():
    gone = [replace(one, losses=(one.losses[0],) * 2) if one.rung == "1e+19" else one for one in ladder(1.5)]
    assert judge(gone, SLOPE).per_flop.low > 1 and not judge(gone, SLOPE).promoted_per_flop
    alone = judge(ladder(3.0, seeds=(0,)), SLOPE)
    assert not alone.promoted_per_flop and (alone.per_flop.low, alone.per_flop.high) == (0.0, math.inf)


def test_a_law_gives_the_exponent_along_a_ladder_and_its_floor():
    law = find_law("besiroglu2024")
    shapes = [Proportions(d_model=width, num_layers=8, active_ffn_ratio=3).arch("one") for width in (256, 512)]
    slope = slope_of(law, {1e18: (shapes[0], 10**9), 3e19: (shapes[1], 10**10)})
    assert slope.floor == pytest.approx(law.row.coefficients["E"], rel=1e-3) and 0.05 < slope.alpha < 0.4
    assert not len(slope.alphas)  # a published law has no draws of its own
    row = law.row.coefficients
    drawn = type(law)(replace(law.row, draws={"E": (row["E"], row["E"] + 0.1, 50.0)}))
    several = slope_of(drawn, {1e18: (shapes[0], 10**9), 3e19: (shapes[1], 10**10)})
    assert several.alphas[0] == pytest.approx(slope.alpha) and several.floors == pytest.approx(
        [slope.floor, slope.floor + 0.1, 50.0]
    )
    with pytest.raises(ConfigError, match="ladder: must be of two budgets or more"):
        slope_of(law, {1e18: (shapes[0], 10**9)})
    with pytest.raises(ConfigError, match=r"loss: must be above the floor 1\.5, got 1\.4"):
        speed_up(SLOPE, (2.0, 1.4), (1.0, 1.0))
