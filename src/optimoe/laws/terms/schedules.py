"""Learning-rate schedules: a constant rate with a cooldown, and the two areas of the annealing law."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.arrays import Values
from optimoe.core.errors import require

CooldownShape = Literal["linear", "one_minus_sqrt"]


def cooldown_rate(progress: Values, shape: CooldownShape) -> Values:
    """Learning rate over its peak at a progress from 0 to 1 through the cooldown (Hägele 2024, arXiv 2405.18392).

    1 − t (``linear``) or 1 − √t (``one_minus_sqrt``, which their paper finds better).
    """
    return 1 - (np.sqrt(progress) if shape == "one_minus_sqrt" else np.asarray(progress))


def warmup_stable_decay(
    steps: int, warmup_steps: int, cooldown_steps: int, shape: CooldownShape
) -> Float[np.ndarray, " steps"]:
    """Learning rate over its peak at steps 1 … ``steps``: linear warm-up, constant, cooldown to zero.

    Raises:
        ConfigError: Warm-up and cooldown do not fit into the steps.
    """
    require(min(warmup_steps, cooldown_steps) >= 0, "warmup_steps, cooldown_steps", "zero or more", warmup_steps)
    require(
        warmup_steps + cooldown_steps <= steps, "cooldown_steps", f"at most {steps - warmup_steps}", cooldown_steps
    )
    step = np.arange(1, steps + 1, dtype=float)
    rate = np.minimum(1.0, step / max(warmup_steps, 1))
    if cooldown_steps:
        progress = np.maximum(0.0, (step - (steps - cooldown_steps)) / cooldown_steps)
        rate = np.where(progress > 0, cooldown_rate(progress, shape), rate)
    return rate


def annealing_areas(
    rates: Float[np.ndarray, " steps"], memory: float
) -> tuple[Float[np.ndarray, " steps"], Float[np.ndarray, " steps"]]:
    """Areas S1 and S2 after every step (Tissue 2024, arXiv 2408.11029).

    S1 = Σ η_i; S2 = Σ_i m_i with m_i = λ·m_(i−1) + η_(i−1) − η_i: what the rate has fallen, felt with a delay of
    about 1/(1 − λ) steps. A rate that rises counts negative: leave the warm-up out, as the paper does.

    Args:
        rates: Learning rates by step, after the warm-up.
        memory: λ, from 0 to 1.

    Raises:
        ConfigError: A rate is negative, or λ is no share.
    """
    require(bool(np.all(np.asarray(rates) >= 0)), "rates", "zero or more", np.min(rates))
    require(0 <= memory <= 1, "memory", "between 0 and 1", memory)
    from scipy.signal import lfilter  # a second to load, for a law that few ask

    falls = -np.diff(rates, prepend=rates[:1])
    return np.cumsum(rates), np.cumsum(lfilter([1.0], [1.0, -memory], falls))
