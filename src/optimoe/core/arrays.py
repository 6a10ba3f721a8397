"""The type of a number that may be a grid: laws and cost take and give these, scalars and arrays alike."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Num

Values: TypeAlias = int | float | np.number | Num[np.ndarray, "*#grid"]
"""A number, or an array that broadcasts against the other arguments of the call (checked in the tests)."""
