"""Energy of GPUs: what their boards take at their limit, and what a data centre takes beside."""

import math

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.hardware.accelerator import Accelerator, Cluster


def power_usage_effectiveness() -> float:
    """PUE, energy of a data centre over that of its computers: ``energy.toml``."""
    return float(load_facts("optimoe.cost", "energy.toml")["pue"]["value"])


def energy_kwh(gpu_hours: Values, gpu: Accelerator) -> Values:
    """Energy of so many GPU hours: board power · PUE; NaN where the board's power is not known.

    Direction: boards draw their limit for part of the time only (an upper estimate), hosts and network beside them
    are left out (a lower one; a DGX H100 is rated at 10.2 kW for eight boards of 0.7).
    """
    watts = gpu.power_w * power_usage_effectiveness()
    return gpu_hours * watts / 1e3 if watts else math.nan * gpu_hours


def kwh_per_mtok(cluster: Cluster, tokens_per_s: Values) -> Values:
    """Energy of a million output tokens of a deployment that is always full: n · 10^6 ÷ (tokens/s), in GPU hours.

    By :func:`energy_kwh`: reads of memory, in which boards stay below their limit, count as arithmetic does.

    Args:
        cluster: The n GPUs.
        tokens_per_s: Output tokens of all of them; their prompts are in the energy.
    """
    gpu_s = cluster.num_gpus * TOKENS_PER_MTOK / tokens_per_s
    return energy_kwh(gpu_s / SECONDS_PER_HOUR, cluster.accelerator)
