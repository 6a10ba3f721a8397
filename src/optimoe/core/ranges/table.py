"""Every plausible range, by the name of the field that it holds for, with the reason for its ends.

A range is wide: it refuses a wrong unit or a slip of zeros, never an unusual wish. Its ends are assumed, from what
its reason names.
"""

from collections.abc import Mapping
from types import MappingProxyType

from optimoe.core.ranges.check import Range

_USD_PER_GPU_HOUR = Range(
    0.01, 1000.0, "dollars a GPU hour", "lists go from $0.18 to $18; 0 is a GPU of one's own", zero=True
)

RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "usd_per_gpu_hour": _USD_PER_GPU_HOUR,
        "gpu_usd_per_hour": _USD_PER_GPU_HOUR,
        "train_usd_per_hour": _USD_PER_GPU_HOUR,
        "serve_usd_per_hour": _USD_PER_GPU_HOUR,
    }
)
