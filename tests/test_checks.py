"""The checks of annotations while the tests run do check."""

from dataclasses import dataclass

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float, jaxtyped

from optimoe.laws.runs import Observations
from tests import checked


@jaxtyped(typechecker=checked)
def scaled(
    factor: float, values: Float[np.ndarray, "n"], weights: Float[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    return values[:2] * factor if factor < 0 else values * weights * factor


@jaxtyped(typechecker=checked)
@dataclass(frozen=True)
class Pair:
    one: Float[np.ndarray, "n"]
    other: Float[np.ndarray, "n"]


def test_a_wrong_type_a_wrong_shape_and_a_wrong_result_are_found():
    assert scaled(2, np.ones(3), np.ones(3)).shape == (3,)
    assert scaled(2, np.ones(4), np.ones(4)).shape == (4,)  # sizes are those of one call
    for wrong in (("2", np.ones(3), np.ones(3)), (2.0, np.ones(3), np.ones(4)), (-1.0, np.ones(3), np.ones(3))):
        with pytest.raises(BeartypeCallHintViolation):
            scaled(*wrong)
    with pytest.raises(BeartypeCallHintViolation):
        Pair(np.ones(3), np.ones(4))


def test_the_package_is_checked():
    with pytest.raises(BeartypeCallHintViolation):
        Observations(variables=3, loss=np.ones(3))
