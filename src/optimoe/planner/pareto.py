"""The designs that no other beats on two axes at once."""

import numpy as np
from jaxtyping import Bool, Float


def front_members(
    first: Float[np.ndarray, " designs"], second: Float[np.ndarray, " designs"]
) -> Bool[np.ndarray, " designs"]:
    """Tell which designs are on the front when both columns are to be small.

    A design is kept when no other is at least as small in both and smaller in one; of equal designs the
    first is kept. Infinite entries never are.
    """
    order = np.lexsort((second, first))
    sorted_second = second[order]
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(sorted_second)[:-1]])
    members = np.zeros(len(first), dtype=bool)
    members[order] = sorted_second < best_before
    return members & np.isfinite(first) & np.isfinite(second)
