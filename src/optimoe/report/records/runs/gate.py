"""JSON of ``optimoe sweep compare`` and ``export``: a verdict on a variant, and where records went."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from optimoe.core.records import same_fields
from optimoe.laws.prediction.speedup import Gate, SpeedUp
from optimoe.laws.terms.band import BAND_ENDS


@dataclass(frozen=True, kw_only=True)
class SpeedUpRecord:
    """A speed-up as a factor of cost.

    Attributes:
        value: Geometric mean over the seeds; above 1 the variant is better.
        low: Of the 90 % interval; 0 with one seed.
        high: Likewise; null with one seed.
        num_seeds: Pairs of seeds.
    """

    value: float
    low: float
    high: float | None
    num_seeds: int


@dataclass(frozen=True, kw_only=True)
class RungRecord:
    """A rung of the ladder, of all but seed and variant.

    Attributes:
        rung: Which.
        loss_change: Of the variant over the baseline, nats per token, mean over the seeds.
        expected: The same by the law of the slope; null where the slope is stated, or the law ranks no such model.
        per_flop: Speed-up at equal FLOPs.
        per_second: Speed-up at equal seconds.
    """

    rung: str
    loss_change: float
    expected: float | None
    per_flop: SpeedUpRecord
    per_second: SpeedUpRecord


@dataclass(frozen=True, kw_only=True)
class GateRecord:
    """A verdict on a variant.

    Attributes:
        store: The folder of the sweep.
        baseline: Part of the names of its runs.
        variant: Part that stands there in the variant's names.
        alpha: Exponent of the baseline's loss over compute.
        floor: Loss that no compute goes below, nats per token.
        slope_from: Where both are from.
        slope_draws: Draws of both over which the intervals are; 0 where they are taken as known.
        alpha_low: 5 % point of the draws; null without draws.
        alpha_high: 95 % point.
        floor_low: 5 % point of the draws; null without draws.
        floor_high: 95 % point.
        rungs: From the cheapest up.
        pair_error: Standard error of a rung's change of loss over its seeds, nats per token, pooled over the
            rungs; null with one seed.
        per_flop: Over the whole ladder.
        per_second: Likewise.
        promoted_per_flop: Whether its interval is above 1, and the last rung above 1 too.
        promoted_per_second: Likewise.
    """

    store: str
    baseline: str
    variant: str
    alpha: float
    floor: float
    slope_from: str
    slope_draws: int
    alpha_low: float | None
    alpha_high: float | None
    floor_low: float | None
    floor_high: float | None
    rungs: tuple[RungRecord, ...]
    pair_error: float | None
    per_flop: SpeedUpRecord
    per_second: SpeedUpRecord
    promoted_per_flop: bool
    promoted_per_second: bool


def gate_record(gate: Gate, store: str, baseline: str, variant: str) -> GateRecord:
    """A verdict as it is written."""
    slope = gate.slope
    alpha_low, alpha_high = _ends(slope.alphas)
    floor_low, floor_high = _ends(slope.floors)
    return same_fields(
        GateRecord,
        gate,
        store=store,
        baseline=baseline,
        variant=variant,
        alpha=slope.alpha,
        floor=slope.floor,
        slope_from=slope.source,
        slope_draws=len(slope.alphas),
        alpha_low=alpha_low,
        alpha_high=alpha_high,
        floor_low=floor_low,
        floor_high=floor_high,
        pair_error=_known(gate.pair_error),
        per_flop=_speed_up(gate.per_flop),
        per_second=_speed_up(gate.per_second),
        rungs=tuple(
            same_fields(
                RungRecord,
                rung,
                expected=_known(rung.expected),
                per_flop=_speed_up(rung.per_flop),
                per_second=_speed_up(rung.per_second),
            )
            for rung in gate.rungs
        ),
    )


def _speed_up(found: SpeedUp) -> SpeedUpRecord:
    return same_fields(SpeedUpRecord, found, high=_known(found.high))


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


def _ends(drawn: np.ndarray) -> tuple[float | None, float | None]:
    """Of 90 % of some draws."""
    if not len(drawn):
        return None, None
    low, high = np.quantile(drawn, BAND_ENDS)
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class ExportedRunsRecord:
    """Records of a sweep as a table.

    Attributes:
        store: The folder of the sweep.
        out: The file.
        num_runs: Rows.
    """

    store: str
    out: str
    num_runs: int
