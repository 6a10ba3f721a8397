"""The type of a number that may be a grid: laws and cost take and give these, scalars and arrays alike."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Num

if TYPE_CHECKING:
    Values: TypeAlias = Any
    Flags: TypeAlias = Any
else:
    Values: TypeAlias = int | float | np.number | Num[np.ndarray, "*#grid"]
    """A number, or an array that broadcasts against the call's other arguments (checked in the tests)."""
    Flags: TypeAlias = bool | np.bool_ | Bool[np.ndarray, "*#grid"]
    """A truth value, or an array of them that broadcasts likewise."""
