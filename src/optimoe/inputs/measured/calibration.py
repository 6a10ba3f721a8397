"""The requests of ``optimoe cost calibrate``, ``check`` and ``yun``: measured latencies."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError, UnknownNameError, find_name
from optimoe.inputs.groups.hardware import ServePrice
from optimoe.inputs.quantities import Quantity, whole
from optimoe.inputs.sources import AsFamily, CalibrationName, Model, read_models

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.core.latency import LatencyRecord
    from optimoe.cost.calibration import FitSettings
    from optimoe.cost.calibration.check import LatencyCheck


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
        engines = {record.engine for record in records}
        engine = find_name("--engine", self.engine, engines) if self.engine else ""
        chosen = [record for record in records if engine in ("", record.engine)]
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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CheckLatenciesRequest:
    """Measured latencies beside what is predicted of them."""

    records: list[Path] = field(kw_only=False)
    """JSON lines, one deployment and load a line; several files are one set."""
    calibration: CalibrationName = ""
    """Measured factors of an engine's version: a name that ships, or a file of `cost calibrate`."""

    def checked(self) -> "LatencyCheck":
        """Predictions beside the measurements.

        Raises:
            InputError: A file cannot be read, or no record can be predicted.
            ConfigError: A line is no record; names it.
            UnknownNameError: No such calibration, model or GPU; lists the nearest.
        """
        from optimoe.core.latency import load_latency_records
        from optimoe.cost.calibration import find_calibration
        from optimoe.cost.calibration.check import check_latencies

        records = [record for path in self.records for record in load_latency_records(path)]
        return check_latencies(records, find_calibration(self.calibration) if self.calibration else None)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class YunRequest:
    """Yun's price of a served model by latency tables made of measured records, for every number of GPUs.

    Attributes:
        price: Dollars of a GPU hour.
    """

    model: Model = field(default="", kw_only=False)
    """Catalog name, config.json, or the folder that holds one; or left out, with --params."""
    as_family: AsFamily = ""
    """The known model_type as which a config.json of an unknown one is to be read, such as llama: only where it
    states every field that could change a count."""
    records: Path
    """Measured latencies, as for `cost calibrate`: JSON lines, one deployment and load a line."""
    params: Quantity = 0.0
    """In place of a model its size N as Yun counts: outside embeddings, of the dense model of one expert."""
    experts: int = 1
    """Experts of that size; 1 is dense."""
    concurrency: Quantity = math.inf
    """Requests in flight at most, where the records end below what the cache allows; inf for all of these."""
    gpu: str = ""
    """Take the records on this GPU only."""
    engine: str = ""
    """Take the records of this engine only."""
    engine_version: str = ""
    """Take the records of this version only."""
    precision: str = ""
    """Take the records of weights in this precision only."""
    kv_precision: str = ""
    """Take the records of a cache in this precision only."""
    input_tokens: Quantity = 0.0
    """Take the records with prompts of this length only."""
    output_tokens: Quantity = 0.0
    """Take the records with answers of this length only."""
    price: ServePrice = field(default_factory=ServePrice)

    def chosen(self) -> "list[LatencyRecord]":
        """The records that are as asked.

        Raises:
            UnknownNameError: No record has a value that is asked for; lists those that there are.
            InputError: The file cannot be read, or a length is not whole.
            ConfigError: A line is no record; names it.
        """
        from optimoe.core.latency import load_latency_records

        asked: dict[str, str | int] = {
            name: getattr(self, name) for name in ("gpu", "engine", "engine_version", "precision", "kv_precision")
        }
        asked |= {name: whole(name, getattr(self, name)) for name in ("input_tokens", "output_tokens")}
        records = list(load_latency_records(self.records))
        for name, value in asked.items():
            known = {str(getattr(record, name)) for record in records}
            if value:
                found = find_name(f"--{name.replace('_', '-')}", str(value), known)
                records = [record for record in records if str(getattr(record, name)) == found]
        return records

    def arch(self) -> "ArchSpec | None":
        """The model that is named; none where a size stands in its place.

        Raises:
            InputError: Neither a model nor a size is stated, or both are.
            UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
            ConfigError: The file is no usable ``config.json``.
        """
        if bool(self.model) == (self.params > 0):
            raise InputError("model: state it, or --params and --experts in its place")
        return read_models((self.model,), self.as_family)[0] if self.model else None
