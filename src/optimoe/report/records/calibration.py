"""JSON of ``optimoe cost calibrate``: an engine's factors and how far they can be trusted."""

from dataclasses import dataclass

from optimoe.core.records import same_fields
from optimoe.cost.calibration import Calibration
from optimoe.cost.calibration.errors import LatencyErrors
from optimoe.cost.calibration.files import CalibrationVerdict


@dataclass(frozen=True, kw_only=True)
class FactorsRecord:
    """How an engine differs from the kernels of the model as it ships.

    Attributes:
        decode_scale: Multiplies the time of a decode step's kernels.
        prefill_scale: Multiplies the time of a prompt's kernels.
        front_s: Time from a request's arrival to the scheduler and back to the client.
        step_s: Time of the engine in every step, beside the kernels.
        request_s: Time of the engine in a step for every running request.
    """

    decode_scale: float
    prefill_scale: float
    front_s: float
    step_s: float
    request_s: float


@dataclass(frozen=True, kw_only=True)
class FactorIntervalRecord:
    """Where a factor lies.

    Attributes:
        low: Lower end.
        high: Upper end.
        level: Share of the draws between them.
    """

    low: float
    high: float
    level: float


@dataclass(frozen=True, kw_only=True)
class AccuracyRecord:
    """Errors of one latency over records, in ln(predicted/measured) unless stated.

    Attributes:
        median_error: Median of the absolute error.
        p90_error: What 90 % of the records are within.
        bias: Median error; above 0 is predicted too slow.
        within_20: Share of the records with an error below ln 1.2.
        low: 5 % quantile of predicted over measured.
        high: 95 % quantile of predicted over measured.
    """

    median_error: float
    p90_error: float
    bias: float
    within_20: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class LatencyErrorsRecord:
    """Errors of both latencies.

    Attributes:
        tpot: Time per output token.
        ttft: Time to the first token.
    """

    tpot: AccuracyRecord
    ttft: AccuracyRecord


@dataclass(frozen=True, kw_only=True)
class MeasuredModelRecord:
    """A model of the records.

    Attributes:
        name: Its name.
        mixers: Kinds of its token mixers.
        ffns: Kinds of its feed-forwards.
        params_active: Parameters that one token touches.
    """

    name: str
    mixers: tuple[str, ...]
    ffns: tuple[str, ...]
    params_active: float


@dataclass(frozen=True, kw_only=True)
class MeasuredRecord:
    """What the records on one GPU in one precision are of: there the factors hold.

    Attributes:
        gpu: Accelerator.
        engine: The serving engine.
        rows: Number of records.
        precision: Precision of the weights.
        versions: Versions of the engine.
        eras: Years of the measurements.
        first: Month of the first record.
        last: Month of the last record.
        models: The models.
        requests: Running requests of an attention rank, from and to.
        context: Tokens in the cache of a request in the mean of its decoding, from and to.
        tp: Largest degree of tensor parallelism.
        pp: Most pipeline stages.
        dp: Most attention ranks that share experts.
        ep: Largest degree of expert parallelism.
        nodes: Most nodes of one copy of a model.
        layouts: Each (tp, pp, dp, ep) that was measured.
    """

    gpu: str
    engine: str
    rows: int
    precision: str
    versions: tuple[str, ...]
    eras: tuple[str, ...]
    first: str
    last: str
    models: tuple[MeasuredModelRecord, ...]
    requests: tuple[float, float]
    context: tuple[float, float]
    tp: int
    pp: int
    dp: int
    ep: int
    nodes: int
    layouts: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class CalibrationRecord:
    """The factors of one version of one engine, by the same keys as in its file.

    Attributes:
        name: The name by which it is found.
        engine: vllm, sglang, trtllm, …
        engine_version: The version that was measured.
        measured_from: Day of the first record.
        measured_to: Day of the last record.
        gpus: GPUs that were measured.
        models: Models that were measured.
        records: Number of records.
        factors: What was fitted.
        intervals: Interval of each factor, by its name.
        held_out: What ``after`` was not fitted to, in words.
        before: Errors of the model as it ships.
        fitted: Errors on the records of the fit.
        after: Errors on records that were held out.
        left_out: Records that could not be used, by reason.
        source: Where the records come from.
        measured: What the records are of, by GPU and precision; empty in files that do not say it.
        verdict: ``better`` or ``no_better``: held-out records against the model as it ships.
    """

    name: str
    engine: str
    engine_version: str
    measured_from: str
    measured_to: str
    gpus: tuple[str, ...]
    models: tuple[str, ...]
    records: int
    factors: FactorsRecord
    intervals: dict[str, FactorIntervalRecord]
    held_out: str
    before: LatencyErrorsRecord
    fitted: LatencyErrorsRecord
    after: LatencyErrorsRecord
    left_out: tuple[str, ...]
    source: str
    measured: tuple[MeasuredRecord, ...]
    verdict: CalibrationVerdict


def calibration_record(calibration: Calibration) -> CalibrationRecord:
    """A calibration with its verdict."""
    return same_fields(
        CalibrationRecord,
        calibration,
        factors=same_fields(FactorsRecord, calibration.factors),
        intervals={
            name: same_fields(FactorIntervalRecord, interval) for name, interval in calibration.intervals.items()
        },
        before=latency_errors_record(calibration.before),
        fitted=latency_errors_record(calibration.fitted),
        after=latency_errors_record(calibration.after),
        measured=tuple(
            same_fields(
                MeasuredRecord, row, models=tuple(same_fields(MeasuredModelRecord, model) for model in row.models)
            )
            for row in calibration.measured
        ),
    )


def latency_errors_record(errors: LatencyErrors) -> LatencyErrorsRecord:
    """Errors of both latencies."""
    return LatencyErrorsRecord(
        tpot=same_fields(AccuracyRecord, errors.tpot), ttft=same_fields(AccuracyRecord, errors.ttft)
    )
