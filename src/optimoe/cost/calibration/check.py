"""Predictions held against measured latencies, as the model ships and as it is calibrated."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.arch.catalog import find_model
from optimoe.core.errors import InputError
from optimoe.core.latency import LatencyRecord
from optimoe.core.results.shown import Drawn
from optimoe.cost.calibration.equivalents import EquallyFastDense, dense_equivalents
from optimoe.cost.calibration.errors import LatencyErrors, latency_errors
from optimoe.cost.calibration.factors import Factors, shipped_factors
from optimoe.cost.calibration.files import Calibration
from optimoe.cost.calibration.reach import outside
from optimoe.cost.calibration.serving_model import ClosedPrediction, ServingModel, engine_of
from optimoe.cost.hardware.accelerator import find_accelerator


@dataclass(frozen=True, kw_only=True)
class CheckedRecord:
    """A measurement with what was predicted of it.

    Attributes:
        record: What was measured.
        tpot_s, ttft_s: As the model ships.
        calibrated_tpot_s, calibrated_ttft_s: With the calibration where it holds, else as the model ships.
        calibrated: Whether the calibration holds for it.
    """

    record: LatencyRecord
    tpot_s: float
    ttft_s: float
    calibrated_tpot_s: float
    calibrated_ttft_s: float
    calibrated: bool


@dataclass(frozen=True, kw_only=True, repr=False)
class LatencyCheck(Drawn):
    """Predictions that stand beside measurements.

    Attributes:
        rows: One a record that can be predicted, in their order.
        left_out: Why others cannot, each once.
        shipped: Errors of the model as it ships, over all rows.
        calibrated: Errors with the calibration, over the rows that it holds for; none without such rows.
        calibration: Its name; empty without one.
        unused: Why the calibration does not hold for some rows, each reason once.
        equivalents: Dense models as fast as the routed ones, by what was measured and by what was predicted.
    """

    rows: tuple[CheckedRecord, ...]
    left_out: tuple[str, ...]
    shipped: LatencyErrors
    calibrated: LatencyErrors | None
    calibration: str
    unused: tuple[str, ...]
    equivalents: tuple[EquallyFastDense, ...]

    def __repr__(self) -> str:
        """How many records there are and how far predictions are off in one line."""
        tpot, ttft = self.shipped.tpot.median_error, self.shipped.ttft.median_error
        return (
            f"LatencyCheck({len(self.rows)} records, off by {tpot:.0%} in TPOT and {ttft:.0%} in TTFT as shipped)"
        )


def check_latencies(
    records: Sequence[LatencyRecord],
    calibration: Calibration | None = None,
    model: ServingModel | None = None,
) -> LatencyCheck:
    """Predict what was measured, and say how far off that is.

    Args:
        records: Of any engines; each is predicted by its own engine's preset.
        calibration: Taken where it holds (:func:`~optimoe.cost.calibration.reach.outside`).
        model: What predicts.

    Raises:
        InputError: A record names no known model or GPU, or none can be predicted.
    """
    model = model or ClosedPrediction()
    reasons = [model.refuses(record) for record in records]
    usable = [record for record, reason in zip(records, reasons, strict=True) if not reason]
    left_out = tuple(dict.fromkeys(reason for reason in reasons if reason))
    if not usable:
        raise InputError(f"records: must hold one that can be predicted, got none ({'; '.join(left_out)})")
    why = [_outside(calibration, record) for record in usable]
    shipped = _predicted(model, usable, None)
    if calibration is None or all(why):
        chosen = shipped
    else:
        with_it = _predicted(model, usable, calibration.factors)
        chosen = np.where(np.array([bool(one) for one in why]), shipped, with_it)
    measured = np.array([[record.tpot_s, record.ttft_s] for record in usable]).T
    held = np.array([not one for one in why])
    return LatencyCheck(
        rows=tuple(
            CheckedRecord(
                record=record,
                tpot_s=float(shipped[0, at]),
                ttft_s=float(shipped[1, at]),
                calibrated_tpot_s=float(chosen[0, at]),
                calibrated_ttft_s=float(chosen[1, at]),
                calibrated=bool(held[at]),
            )
            for at, record in enumerate(usable)
        ),
        left_out=left_out,
        shipped=latency_errors(np.log(shipped / measured)),
        calibrated=latency_errors(np.log(chosen / measured)[:, held]) if held.any() else None,
        calibration=calibration.name if calibration else "",
        unused=tuple(dict.fromkeys(one for one in why if one)) if calibration else (),
        equivalents=dense_equivalents(usable, _with_latencies(usable, chosen)),
    )


def _with_latencies(
    records: Sequence[LatencyRecord], seconds: Float[np.ndarray, "latencies records"]
) -> list[LatencyRecord]:
    """Records as they would be, had the predicted TPOT and TTFT been measured."""
    return [
        replace(record, tpot_s=float(tpot), ttft_s=float(ttft))
        for record, (tpot, ttft) in zip(records, seconds.T, strict=True)
    ]


def _outside(calibration: Calibration | None, record: LatencyRecord) -> str:
    """Why a calibration says nothing of a record; empty where it does."""
    if calibration is None:
        return "no calibration"
    if record.engine != calibration.engine:
        return f"of {calibration.engine}, not {record.engine}"
    return outside(calibration, engine_of(record), find_accelerator(record.gpu), find_model(record.model))


def _predicted(
    model: ServingModel, records: Sequence[LatencyRecord], factors: Factors | None
) -> Float[np.ndarray, "latencies records"]:
    """TPOT and TTFT of records, those of each engine with its own factors or with the given ones."""
    found = np.empty((2, len(records)))
    engines: dict[str, list[int]] = defaultdict(list)
    for at, record in enumerate(records):
        engines[record.engine].append(at)
    for engine, rows in engines.items():
        predict = model.bind([records[at] for at in rows])
        said = predict(factors or shipped_factors(engine))
        found[0, rows], found[1, rows] = said.tpot_s, said.ttft_s
    return found
