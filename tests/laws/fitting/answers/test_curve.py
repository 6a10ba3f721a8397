"""Training curves beside a law."""

import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import loss_curve
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
