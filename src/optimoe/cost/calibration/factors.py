"""What a calibration may change of the serving model: five numbers, each with a belief of where it lies."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require
from optimoe.core.provenance import Basis
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.engines.preset import engine_preset, preset_name

HOST_FACTORS = ("front_s", "step_s", "request_s")
FACTORS = ("decode_scale", "prefill_scale", *HOST_FACTORS)

PRIOR_SD = {"decode_scale": 0.2, "prefill_scale": 0.4, "front_s": 1.0, "step_s": 0.7, "request_s": 0.7}
"""Standard deviation of ln(factor/shipped) before any record is seen (assumed): kernels of an engine are mostly
within a fifth of the measured ones, its own time per step within a factor of two; front ends differ most."""


ASSUMED_SD = 2.5
"""Times as far a factor may lie from the shipped one where nothing of the engine was measured (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Factors:
    """How an engine differs from the kernels of ``data/operators/``.

    Attributes:
        decode_scale: Multiplies the time of a decode step's kernels.
        prefill_scale: Multiplies the time of a prompt's kernels.
        front_s: Seconds from a request's arrival to the scheduler and back to the client.
        step_s: Seconds of the engine in every step, beside the kernels.
        request_s: Seconds of the engine in a step for every running request.

    Raises:
        ConfigError: A scale is not positive, or a time negative.
    """

    decode_scale: float = 1.0
    prefill_scale: float = 1.0
    front_s: float
    step_s: float
    request_s: float

    def __post_init__(self) -> None:
        for name in ("decode_scale", "prefill_scale"):
            require(0 < getattr(self, name) < np.inf, name, "positive", getattr(self, name))
        for name in HOST_FACTORS:
            require(0 <= getattr(self, name) < np.inf, name, "zero or more", getattr(self, name))

    def on(self, engine: Engine) -> Engine:
        """The engine with these factors."""
        times = {name: getattr(self, name) for name in HOST_FACTORS}
        scales = {name: getattr(self, name) for name in FACTORS if name not in times}
        return replace(engine, host=replace(engine.host, **times), **scales)


@dataclass(frozen=True, kw_only=True)
class FactorInterval:
    """Where a factor of a calibration lies.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Share of the draws between them.

    Raises:
        ConfigError: The ends are not in order, or the share is none.
    """

    low: float
    high: float
    level: float

    def __post_init__(self) -> None:
        require(
            0 <= self.low <= self.high < np.inf, "low", "from zero to high, both finite", (self.low, self.high)
        )
        require(0 < self.level < 1, "level", "a share between 0 and 1", self.level)


def shipped_factors(engine: str) -> Factors:
    """The factors of the model as it ships: scales of 1, the times of the engine's preset, or of the default's."""
    preset = find_engine(preset_name(engine))
    return Factors(**{name: getattr(preset.host, name) for name in HOST_FACTORS})


def prior_sd(engine: str) -> Float[np.ndarray, " factors"]:
    """Standard deviations of ln(factor/shipped) of an engine: wider where its times are by assumption."""
    assumed = engine_preset(preset_name(engine)).basis is Basis.ASSUMED
    return np.array([PRIOR_SD[name] for name in FACTORS]) * (ASSUMED_SD if assumed else 1.0)


def from_logs(logs: Float[np.ndarray, " factors"], shipped: Factors) -> Factors:
    """Factors that are exp(logs) times the shipped ones."""
    return Factors(
        **{name: getattr(shipped, name) * float(np.exp(log)) for name, log in zip(FACTORS, logs, strict=True)}
    )
