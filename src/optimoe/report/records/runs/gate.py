"""JSON of ``optimoe sweep compare`` and ``export``: a verdict on a variant, and where records went."""

from dataclasses import dataclass
from math import isfinite

from optimoe.core.records import same_fields
from optimoe.laws.prediction.speedup import Gate, SpeedUp


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
        per_flop: Speed-up at equal FLOPs.
        per_second: Speed-up at equal seconds.
    """

    rung: str
    loss_change: float
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
        rungs: From the cheapest up.
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
    rungs: tuple[RungRecord, ...]
    per_flop: SpeedUpRecord
    per_second: SpeedUpRecord
    promoted_per_flop: bool
    promoted_per_second: bool


def gate_record(gate: Gate, store: str, baseline: str, variant: str) -> GateRecord:
    """A verdict as it is written."""
    return same_fields(
        GateRecord,
        gate,
        store=store,
        baseline=baseline,
        variant=variant,
        alpha=gate.slope.alpha,
        floor=gate.slope.floor,
        slope_from=gate.slope.source,
        per_flop=_speed_up(gate.per_flop),
        per_second=_speed_up(gate.per_second),
        rungs=tuple(
            same_fields(RungRecord, rung, per_flop=_speed_up(rung.per_flop), per_second=_speed_up(rung.per_second))
            for rung in gate.rungs
        ),
    )


def _speed_up(found: SpeedUp) -> SpeedUpRecord:
    return same_fields(SpeedUpRecord, found, high=found.high if isfinite(found.high) else None)


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
