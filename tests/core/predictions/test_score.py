"""The score tells honest bands from daring and from timid ones."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from optimoe.core.errors import ConfigError
from optimoe.core.predictions import LedgerEntry, PredictionLedger, score_ledger
from optimoe.core.predictions.score import band_score, interval_score
from tests.core.predictions.cases import drawn_ledger, said, settled


def verdicts(ledgers, size, stretch):
    chance = np.random.default_rng(0)
    scores = [score_ledger(drawn_ledger(chance, size, stretch=stretch)) for _ in range(ledgers)]
    return [score.bands[0].verdict for score in scores]


def test_honest_bands_are_said_to_be_as_stated_in_19_of_20_ledgers():
    found = verdicts(ledgers=80, size=20, stretch=1.0)
    assert found.count("as stated") >= 72  # 95 % of 80 but for a chance of 1 in 20, by the binomial


@pytest.mark.parametrize(("level", "count"), [(0.9, 10), (0.9, 60), (0.5, 7), (0.8, 200)])
def test_a_true_level_is_refused_in_1_of_20_ledgers_at_most(level, count):
    """Exactly: the chance of every number of hits that would be refused."""
    refused = [hits for hits in range(count + 1) if band_score(level, hits, count).verdict != "as stated"]
    assert 0 < sum(binom.pmf(refused, count, level)) <= 0.05


def test_bands_of_half_the_width_are_found_too_narrow_and_of_twice_too_wide():
    """Half the width holds 59 %, twice the width 99.9 %: 60 outcomes tell both from 90 %."""
    assert verdicts(ledgers=10, size=60, stretch=0.5).count("too narrow") == 10
    assert verdicts(ledgers=10, size=60, stretch=2.0).count("too wide") >= 8


def test_two_outcomes_say_little():
    assert set(verdicts(ledgers=10, size=2, stretch=1.0)) == {"as stated"}


def test_neither_daring_nor_timid_bands_have_the_better_interval_score():
    scores = {
        stretch: score_ledger(drawn_ledger(np.random.default_rng(1), 400, stretch=stretch)).interval_score
        for stretch in (0.5, 1.0, 2.0)
    }
    assert min(scores, key=scores.get) == 1.0


def test_error_and_sharpness_are_those_of_the_draws():
    score = score_ledger(drawn_ledger(np.random.default_rng(2), 1000, spread=0.2))
    assert score.sharpness == pytest.approx(2 * 1.645 * 0.2, rel=1e-3)
    assert score.abs_ln_ratio == pytest.approx(0.6745 * 0.2, rel=0.1)  # the median of |z| is 0.6745
    assert score.ratio == pytest.approx(1.0, rel=0.02)
    assert score.settled == score.inside + score.below + score.above == 1000


@pytest.mark.parametrize(
    ("inside", "settled", "low", "high"),
    [
        # Clopper and Pearson's own closed ends: 0 of n is (α/2)^(1/n), n of n likewise
        (0, 10, 0.0, 1 - 0.025**0.1),
        (10, 10, 0.025**0.1, 1.0),
        (1, 1, 0.025, 1.0),
        (9, 10, 0.55498, 0.99747),  # tabulated
    ],
)
def test_the_interval_around_a_share_is_clopper_and_pearson_s(inside, settled, low, high):
    score = band_score(0.9, inside, settled)
    assert (score.low, score.high) == pytest.approx((low, high), abs=1e-5)


def test_a_share_of_nothing_is_refused():
    for inside, count in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ConfigError, match="inside: must be 0 to"):
            band_score(0.9, inside, count)


def test_open_predictions_count_in_sharpness_alone():
    opened = PredictionLedger(entries=(LedgerEntry(prediction=said()),))
    score = score_ledger(opened)
    assert (score.predictions, score.open, score.settled, score.bands) == (1, 1, 0, ())
    assert score.sharpness == pytest.approx(math.log(2))
    assert all(math.isnan(value) for value in (score.abs_ln_ratio, score.ratio, score.interval_score))
    empty = score_ledger(PredictionLedger())
    assert (empty.predictions, empty.open) == (0, 0)
    assert math.isnan(empty.sharpness)


def test_levels_are_scored_apart():
    narrow = said(name="half", level=0.5)
    ledger = PredictionLedger(entries=(settled(said(), 0.006), settled(narrow, 0.02)))
    assert [(band.level, band.inside, band.settled) for band in score_ledger(ledger).bands] == [
        (0.9, 1, 1), (0.5, 0, 1),
    ]  # fmt: skip


def test_a_miss_costs_its_distance_and_a_band_its_width():
    width = math.log(2)
    assert interval_score(settled(said(), 0.006)) == pytest.approx(width)
    assert interval_score(settled(said(), 0.02)) == pytest.approx(width + 20 * math.log(2))
    assert interval_score(settled(said(), 0.0025)) == pytest.approx(width + 20 * math.log(2))
    bare = said(low=None, high=None, level=None)
    negative = said(value=-1.0, low=-2.0, high=1.0)
    for entry in (
        settled(bare, 0.006),
        settled(negative, 0.5),
        settled(said(), -0.1),
        LedgerEntry(prediction=said()),
    ):
        assert math.isnan(interval_score(entry))
