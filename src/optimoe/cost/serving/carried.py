"""How many equal deployments carry a load, and what they cost: whole ones, for nobody rents a part of a GPU."""

from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Values

ROUNDING = 1e-12
"""Share by which a load may exceed what deployments carry and still be theirs: that of floating-point sums."""


@dataclass(frozen=True, kw_only=True)
class CarriedLoad:
    """Equal deployments that carry a load together. Fields are numbers, or arrays over a grid.

    Attributes:
        deployments: How many; 0 where one carries nothing, or there is no load.
        num_gpus: GPUs of all of them.
        utilisation: Load over what they carry together.
        usd_per_hour: Dollars of all their GPUs for an hour; NaN without a price.
    """

    deployments: Values
    num_gpus: Values
    utilisation: Values
    usd_per_hour: Values


def carried(
    load_tokens_per_s: Values, *, tokens_per_s: Values, num_gpus: Values, usd_per_gpu_hour: Values
) -> CarriedLoad:
    """The fewest deployments that carry a load: n = ⌈load ÷ what one carries⌉, of n · GPUs · USD/h an hour.

    Args:
        load_tokens_per_s: Output tokens per second that are asked for.
        tokens_per_s: Those that one deployment gives within the limits; 0 where none keeps them.
        num_gpus: GPUs of one deployment.
        usd_per_gpu_hour: Price of a GPU hour.
    """
    needed = _needed(load_tokens_per_s, tokens_per_s)
    deployments = deployments_for(load_tokens_per_s, tokens_per_s)
    gpus = deployments * num_gpus
    return CarriedLoad(
        deployments=deployments,
        num_gpus=gpus,
        utilisation=needed / np.maximum(deployments, 1.0),
        usd_per_hour=gpus * usd_per_gpu_hour,
    )


def deployments_for(load_tokens_per_s: Values, tokens_per_s: Values) -> Values:
    """How many deployments :func:`carried` takes; 0 where one carries nothing."""
    return np.ceil(_needed(load_tokens_per_s, tokens_per_s) * (1 - ROUNDING))


def _needed(load_tokens_per_s: Values, tokens_per_s: Values) -> Values:
    """How many deployments a load fills; 0 where one carries nothing."""
    serves = np.asarray(tokens_per_s) > 0
    return np.where(serves, load_tokens_per_s / np.where(serves, tokens_per_s, 1.0), 0.0)
