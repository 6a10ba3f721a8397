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
    with pytest.raises(ConfigError, match="ladder: must be of two budgets or more"):
        slope_of(law, {1e18: (shapes[0], 10**9)})
    with pytest.raises(ConfigError, match=r"loss: must be above the floor 1\.5, got 1\.4"):
        speed_up(SLOPE, (2.0, 1.4), (1.0, 1.0))
