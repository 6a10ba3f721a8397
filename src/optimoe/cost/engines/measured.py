"""Which deployments stand behind an engine's coefficients: GPUs, precisions, versions, models, ranges of load."""

import math
from dataclasses import dataclass

from optimoe.core.errors import require, require_positive

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """A model that was measured, as far as its speed may differ in kind from another's.

    Attributes:
        name: Its name.
        mixers: Kinds of its token mixers.
        ffns: Kinds of its feed-forwards.
        params_active: Parameters that one token touches.

    Raises:
        ConfigError: It has no parameters.
    """

    name: str
    mixers: tuple[str, ...]
    ffns: tuple[str, ...]
    params_active: float

    def __post_init__(self) -> None:
        require(0 < self.params_active < math.inf, "params_active", "positive and finite", self.params_active)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Deployments of one engine on one GPU in one precision, end to end. What is empty was not recorded.

    Attributes:
        gpu: Accelerator, by its name in the tables.
        engine: The serving engine.
        precision: Of the weights.
        rows: How many deployments and loads.
        versions: Of the engine.
        eras: Years of those versions and of the days of measurement.
        first, last: Months of the measurements that carry a date.
        models: That were served.
        requests: Running requests of an attention rank, from and to.
        context: Tokens in the cache of a request, in the mean of its decoding, from and to.
        tp, pp, dp, ep: Largest degrees; dp of ranks that share experts, copies apart.
        layouts: Each (tp, pp, dp, ep) that was measured.
        nodes: Most nodes that one copy of a model was spread over.

    Raises:
        ConfigError: There is no row, or a range ends before it starts.
    """

    gpu: str
    engine: str
    rows: int
    precision: str = ""
    versions: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    models: tuple[MeasuredModel, ...] = ()
    requests: Range = (1.0, 1.0)
    context: Range = (1.0, 1.0)
    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1
    nodes: int = 1
    layouts: tuple[tuple[int, int, int, int], ...] = ()

    def __post_init__(self) -> None:
        require_positive(self, "rows", "tp", "pp", "dp", "ep", "nodes")
        for layout in self.layouts:
            require(min(layout) >= 1, "layouts", "degrees of one or more", layout)
        for name in ("requests", "context"):
            low, high = getattr(self, name)
            require(0 < low <= high < math.inf, name, "two positive numbers, the smaller first", (low, high))


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A calibration that was asked for, and whether it serves.

    Attributes:
        name: Its name.
        unused: Why the shipped coefficients stand in its place; empty where its own do.
        measured: What it was fitted on.
        tpot, ttft: Ends of its error on held-out records, ln(estimate/low end) and ln(high end/estimate).
    """

    name: str
    unused: str = ""
    measured: tuple[Measured, ...] = ()
    tpot: Range = (0.0, 0.0)
    ttft: Range = (0.0, 0.0)
