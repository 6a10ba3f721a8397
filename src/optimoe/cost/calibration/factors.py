"""What a calibration may change of the serving model: five numbers, each with a belief of where it lies."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.cost.roofline import efficiency

FACTORS = ("kernel_scale", "prefill_scale", "wait_scale", "step_s", "request_s")

PRIOR_SD = {"kernel_scale": 0.2, "prefill_scale": 0.4, "wait_scale": 1.0, "step_s": 0.7, "request_s": 0.7}
"""Standard deviation of ln(factor/shipped) before any record is seen (assumed): kernels of an engine are mostly
within a fifth of the measured ones, its own time per step within a factor of two; every engine admits prompts in
its own way."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """How an engine differs from the kernels of ``operators.toml``.

    Attributes:
        kernel_scale: Multiplies the time of a decode step's kernels.
        prefill_scale: Multiplies the time of a prompt's kernels.
        wait_scale: Multiplies the time that a prompt waits for other prompts.
        step_s: Seconds of the engine in every step, beside the kernels.
        request_s: Seconds of the engine in a step for every running request.

    Raises:
        ConfigError: A scale is not positive, or a time negative.
    """

    kernel_scale: float = 1.0
    prefill_scale: float = 1.0
    wait_scale: float = 1.0
    step_s: float
    request_s: float

    def __post_init__(self) -> None:
        for name in ("kernel_scale", "prefill_scale", "wait_scale"):
            require(0 < getattr(self, name) < np.inf, name, "positive", getattr(self, name))
        for name in ("step_s", "request_s"):
            require(0 <= getattr(self, name) < np.inf, name, "zero or more", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where a factor lies.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Share of the draws between them.
    """

    low: float
    high: float
    level: float


def shipped_factors() -> Factors:
    """The factors of the model as it ships: scales of 1, and the engine's time of ``efficiency.toml``."""
    return Factors(step_s=efficiency("engine_step_s"), request_s=efficiency("engine_request_s"))


def from_logs(logs: Float[np.ndarray, " factors"]) -> Factors:
    """Factors that are exp(logs) times the shipped ones."""
    shipped = shipped_factors()
    return Factors(
        **{name: getattr(shipped, name) * float(np.exp(log)) for name, log in zip(FACTORS, logs, strict=True)}
    )
