"""The request of ``optimoe cost calibrate``: measured latencies."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import UnknownNameError

if TYPE_CHECKING:
    from optimoe.core.latency import LatencyRecord
    from optimoe.cost.calibration import FitSettings


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CalibrateRequest:
    """Fit the serving model to measured latencies, with the error on records that it has not seen."""

    records: Path = field(kw_only=False)
    """JSON lines, one deployment and load a line."""
    engine: str = ""
    """Take the records of this engine only."""
    engine_version: str = ""
    """Take the records of this version only."""
    name: str = ""
    """Name of the calibration; engine and version if left out."""
    least_records: int = 8
    """Refuse fewer usable records."""
    resamples: int = 200
    """Refits for the intervals."""
    seed: int = 0
    """Seed of the resamples."""

    def chosen(self) -> "list[LatencyRecord]":
        """The records of one engine and version, where one is named.

        Raises:
            UnknownNameError: No record is of that engine or version; lists those that there are.
            ConfigError: A line is no record; names it.
        """
        from optimoe.core.latency import load_latency_records

        records = load_latency_records(self.records)
        if self.engine and all(record.engine != self.engine for record in records):
            raise UnknownNameError("--engine", self.engine, {record.engine for record in records})
        chosen = [record for record in records if self.engine in ("", record.engine)]
        if self.engine_version and all(record.engine_version != self.engine_version for record in chosen):
            versions = {record.engine_version for record in chosen}
            raise UnknownNameError("--engine-version", self.engine_version, versions)
        return [record for record in chosen if self.engine_version in ("", record.engine_version)]

    def settings(self) -> "FitSettings":
        """How many records are needed, and how the intervals are drawn.

        Raises:
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.calibration import FitSettings

        return FitSettings(least_records=self.least_records, resamples=self.resamples, seed=self.seed)
