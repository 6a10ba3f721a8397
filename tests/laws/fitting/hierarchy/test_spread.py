import numpy as np
import pytest

from optimoe.core.config import build, stated_table
from optimoe.core.errors import ConfigError
from optimoe.laws.effects import CorpusEffects
from optimoe.laws.fitting.hierarchy.spread import assumed_spread


def usual(stated=None):
    return assumed_spread(("E", "scale"), {"E": 1.7}, frozenset({"A"}), stated or {})


def test_effects_of_unseen_corpora_are_as_wide_as_five_seen_ones_justify():
    random, inside = np.random.default_rng(0), []
    root = np.linalg.cholesky([[0.03, -0.006], [-0.006, 0.01]])
    for _ in range(300):
        seen = (root @ random.standard_normal((2, 5))).T
        effects = usual().updated(seen.T @ seen, 5).draw_effects(100, random)
        low, high = np.quantile(effects, (0.05, 0.95), axis=0)
        one = root @ random.standard_normal(2)
        inside.append((one >= low) & (one <= high))
    assert 0.87 < np.mean(inside) < 0.97


def test_the_estimate_lies_between_what_was_assumed_and_what_the_corpora_show():
    shown = np.diag([4.0, 4.0])
    spread = usual().updated(5 * shown, 5)
    assert spread.std()["E"] == pytest.approx(((2 * 0.17**2 + 5 * 4) / 7) ** 0.5)


def test_an_effect_of_known_spread_keeps_it_in_every_draw_and_stays_uncorrelated():
    spread = usual({"scale": 0.05}).updated(np.array([[1.0, 0.5], [0.5, 1.0]]), 4)
    covariances = spread.draw_covariances(20, np.random.default_rng(0))
    np.testing.assert_allclose(covariances[:, 1, 1], 0.05**2)
    np.testing.assert_allclose(covariances[:, 0, 1], 0)
    assert np.ptp(covariances[:, 0, 0]) > 0


def test_effects_are_written_into_a_law_file_and_read_back():
    effects = usual().as_effects(0.007, 4.0, ("a", "b"))
    assert build(CorpusEffects, stated_table(effects), where="effects") == effects
    assert effects.std("scale") == pytest.approx(0.1)


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="covariance"):
        CorpusEffects(names=("E", "scale"), covariance=((1.0, 2.0), (2.0, 1.0)), residual_scale=0.01)
