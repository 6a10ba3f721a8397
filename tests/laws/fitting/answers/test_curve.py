"""Training curves beside a law."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import loss_curve
from optimoe.laws.fitting.answers.curve import loss_curves
from optimoe.laws.runs import Observations


@pytest.fixture
def curves():
    """Two runs of ten points each, one per cent above Besiroglu's law."""
    law = find_law("besiroglu2024")
    tokens, sizes = np.tile(np.geomspace(1e9, 1e11, 10)[::-1], 2), np.repeat([1e8, 1e9], 10)
    labels = {"run": np.repeat(np.array(["small", "large"], dtype=object), 10)}
    return Observations(
        variables={"N": sizes, "D": tokens}, loss=1.01 * law.loss(N=sizes, D=tokens), labels=labels
    )


def test_a_training_curve_stands_beside_the_law(curves):
    curve = loss_curve(curves, find_law("besiroglu2024").row, "large")
    assert (np.diff(curve.tokens) > 0).all()
    np.testing.assert_allclose(curve.log_ratio, np.log(1.01))
    with pytest.raises(ConfigError, match="run"):
        loss_curve(curves, find_law("besiroglu2024").row, "middle")


def test_curves_of_all_runs_say_their_scale_and_their_shape(curves):
    small, large = loss_curves(curves, find_law("besiroglu2024").row)
    assert (small.run, large.run) == ("small", "large")
    assert small.scale_log == pytest.approx(np.log(1.01))
    assert small.shape_log == pytest.approx(0, abs=1e-9)
    assert np.isnan(replace(small, log_ratio=small.log_ratio + 0.01).within)


def test_a_curve_that_comes_to_the_law_says_from_when_on(curves):
    (curve,) = loss_curves(curves, find_law("besiroglu2024").row, "small")
    late = replace(curve, log_ratio=np.where(curve.tokens < 1e10, 0.05, 0.005))
    assert late.within == pytest.approx(curve.tokens[curve.tokens >= 1e10][0] / 1e11)
    assert late.last_log == 0.005
