"""JSON of ``optimoe cost check``: measured latencies beside what was predicted of them."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.cost.calibration.check import LatencyCheck
from optimoe.cost.calibration.equivalents import EquallyFastDense
from optimoe.report.records.calibration import LatencyErrorsRecord, latency_errors_record


@dataclass(frozen=True, kw_only=True)
class CheckedLatencyRecord:
    """A measurement and its predictions.

    Attributes:
        model: As its record names it.
        gpu: Accelerator.
        engine: That served it.
        engine_version: Its version.
        input_tokens: Of a prompt.
        output_tokens: Of an answer.
        concurrency: Requests in flight.
        tpot_s: Time per output token, measured.
        ttft_s: Time to first token, measured.
        predicted_tpot_s: As the model ships.
        predicted_ttft_s: As the model ships.
        calibrated_tpot_s: With the calibration where it holds, else as the model ships.
        calibrated_ttft_s: With the calibration where it holds, else as the model ships.
        calibrated: Whether the calibration holds for it.
    """

    model: str
    gpu: str
    engine: str
    engine_version: str
    input_tokens: int
    output_tokens: int
    concurrency: float
    tpot_s: float
    ttft_s: float
    predicted_tpot_s: float
    predicted_ttft_s: float
    calibrated_tpot_s: float
    calibrated_ttft_s: float
    calibrated: bool


@dataclass(frozen=True, kw_only=True)
class EquallyFastDenseRecord:
    """A dense model that was as fast as a routed one.

    Attributes:
        model: The routed one.
        engine: That served both.
        latency: Which latency is equal: ttft or tpot.
        concurrency: Requests in flight.
        params: Of the dense model.
        params_active: Parameters that a token touches of the routed one.
        params_total: All of the routed one.
        position: On a logarithmic scale, 0 at the active size and 1 at the total size.
        predicted_position: The same by what was predicted.
        beyond: Whether it was faster or slower than all dense models that were measured.
    """

    model: str
    engine: str
    latency: str
    concurrency: float
    params: float
    params_active: float
    params_total: float
    position: float
    predicted_position: float
    beyond: bool


@dataclass(frozen=True, kw_only=True)
class LatencyCheckRecord:
    """Predictions that stand beside measurements.

    Attributes:
        rows: One a record that can be predicted.
        left_out: Why others cannot.
        shipped: Errors of the model as it ships.
        calibrated: Errors with the calibration, where it holds; null where it nowhere does.
        calibration: Its name; empty without one.
        unused: Why the calibration does not hold for some.
        equivalents: Dense models as fast as the routed ones, by what was measured and by what was predicted.
    """

    rows: tuple[CheckedLatencyRecord, ...]
    left_out: tuple[str, ...]
    shipped: LatencyErrorsRecord
    calibrated: LatencyErrorsRecord | None
    calibration: str
    unused: tuple[str, ...]
    equivalents: tuple[EquallyFastDenseRecord, ...]


def latency_check_record(check: LatencyCheck) -> LatencyCheckRecord:
    """A check with every record of it."""
    return same_fields(
        LatencyCheckRecord,
        check,
        rows=tuple(
            same_fields(
                CheckedLatencyRecord,
                row.record,
                predicted_tpot_s=row.tpot_s,
                predicted_ttft_s=row.ttft_s,
                calibrated_tpot_s=row.calibrated_tpot_s,
                calibrated_ttft_s=row.calibrated_ttft_s,
                calibrated=row.calibrated,
            )
            for row in check.rows
        ),
        shipped=latency_errors_record(check.shipped),
        calibrated=latency_errors_record(check.calibrated) if check.calibrated else None,
        equivalents=tuple(_equivalent(one) for one in check.equivalents),
    )


def _equivalent(one: EquallyFastDense) -> EquallyFastDenseRecord:
    return same_fields(EquallyFastDenseRecord, one)
