"""How laws of several corpora vary from corpus to corpus."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.effects import CorpusEffects

BOTH = CorpusEffects(names=("E", "scale"), covariance=((0.16, -0.05), (-0.05, 0.025)), residual_scale=0.01)


def test_the_spread_of_a_loss_is_that_of_its_floor_and_its_scale_together():
    random = np.random.default_rng(0)
    floor, scale = random.multivariate_normal((0, 0), BOTH.matrix(), 200_000).T
    small = 1e-3  # the formula is the first order
    assert BOTH.spread_of(2.5) == pytest.approx(
        np.std(np.log(2.5 + small * floor) + small * scale) / small, rel=0.01
    )
    assert CorpusEffects(names=(), covariance=(), residual_scale=0.01).spread_of(2.0) == 0.0


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="covariance: must be positive definite"):
        CorpusEffects(names=("E", "scale"), covariance=((1.0, 2.0), (2.0, 1.0)), residual_scale=0.01)
