"""``optimoe cost calibrate``: the serving model on measurements of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from optimoe.app.cli.printing import print_json, print_lines
from optimoe.core.errors import UnknownNameError
from optimoe.core.latency import LatencyRecord, load_latency_records
from optimoe.inputs.quantities import Flag

if TYPE_CHECKING:
    pass


def calibrate(
    records: Path,
    *,
    output: Path | None = None,
    engine: str = "",
    engine_version: str = "",
    name: str = "",
    least_records: int = 8,
    resamples: int = 200,
    seed: int = 0,
    json: Flag = False,
) -> None:
    """Fit the serving model to measured latencies, with the error on records that it has not seen.

    Args:
        records: JSON lines, one deployment and load a line.
        output: Write the calibration here, .toml or .json.
        engine: Take the records of this engine only.
        engine_version: Take the records of this version only.
        name: Of the calibration; engine and version if left out.
        least_records: Refuse fewer usable records.
        resamples: Refits for the intervals.
        seed: Of the resamples.
        json: One JSON object instead of text.
    """
    from optimoe.cost.calibration import FitSettings, save_calibration
    from optimoe.cost.calibration import calibrate as calibrate_model

    chosen = _choose(load_latency_records(records), engine, engine_version)
    settings = FitSettings(least_records=least_records, resamples=resamples, seed=seed)
    calibration = calibrate_model(chosen, name=name, settings=settings)
    if output is not None:
        save_calibration(calibration, output)
    if json:
        from optimoe.report.records.calibration import calibration_record

        print_json(calibration_record(calibration))
        return
    from optimoe.report.words.calibration_prose import calibration_lines

    print_lines(calibration_lines(calibration))


def _choose(records: Sequence[LatencyRecord], engine: str, version: str) -> list[LatencyRecord]:
    """Records of one engine or version, where one is named."""
    if engine and all(record.engine != engine for record in records):
        raise UnknownNameError("--engine", engine, {record.engine for record in records})
    chosen = [record for record in records if engine in ("", record.engine)]
    if version and all(record.engine_version != version for record in chosen):
        raise UnknownNameError("--engine-version", version, {record.engine_version for record in chosen})
    return [record for record in chosen if version in ("", record.engine_version)]
