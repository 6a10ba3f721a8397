"""Calibrations as files, and those that ship: one for each engine generation that was measured."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from optimoe.core.config import build, load_facts, load_table, save_toml
from optimoe.core.errors import InputError, find_name, require
from optimoe.core.files import write_text
from optimoe.core.provenance import Assumption, Basis
from optimoe.core.records import to_record, to_values
from optimoe.cost.calibration.errors import LatencyErrors
from optimoe.cost.calibration.factors import FACTORS, FactorInterval, Factors
from optimoe.cost.engines.measured import Measured

CalibrationVerdict = Literal["better", "no_better"]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The factors of one version of one engine, and how far they can be trusted.

    Attributes:
        name: For finding it.
        engine: vllm, sglang, trtllm, …
        engine_version: Engines move TPOT by 10 to 60 % in a quarter: a calibration is of its version.
        measured_from: Day of the first record.
        measured_to: Day of the last.
        gpus: That were measured.
        models: That were measured.
        records: Number of them.
        left_out: Records that could not be used, by reason.
        measured: What the records are of, by GPU and precision; empty in files that do not say it.
        factors: What was fitted.
        intervals: Where each factor lies.
        held_out: What ``after`` was not fitted to, in words.
        before: Errors of the model as it ships.
        fitted: Errors on the records of the fit.
        after: Errors on records that were held out.
        source: Where the records come from.

    Raises:
        ConfigError: It rests on no record.
    """

    name: str
    engine: str
    engine_version: str
    measured_from: str
    measured_to: str
    gpus: tuple[str, ...]
    models: tuple[str, ...]
    records: int
    factors: Factors
    intervals: dict[str, FactorInterval]
    held_out: str
    before: LatencyErrors
    fitted: LatencyErrors
    after: LatencyErrors
    left_out: tuple[str, ...] = field(default=())
    source: str = ""
    measured: tuple[Measured, ...] = ()

    def __post_init__(self) -> None:
        require(self.records >= 1, "records", "at least one", self.records)

    @property
    def verdict(self) -> CalibrationVerdict:
        """Whether held-out records are nearer than with the model as it ships: product of both median errors."""
        before, after = (
            errors.tpot.median_error * errors.ttft.median_error for errors in (self.before, self.after)
        )
        return "better" if after < before else "no_better"

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The factors as the numbers that a result rests on."""
        source = (
            f"{self.records} records of {self.engine} {self.engine_version}, {self.measured_from} to "
            f"{self.measured_to}{', ' + self.source if self.source else ''}"
        )
        return tuple(
            Assumption(
                name=name.replace("_", " "),
                value=f"{getattr(self.factors, name):.3g}",
                basis=Basis.FITTED,
                source=source,
            )
            for name in FACTORS
        )


def calibration_names() -> tuple[str, ...]:
    """The calibrations that ship with optimoe."""
    return tuple(load_facts("optimoe.cost", "calibrations.toml"))


def find_calibration(name: str) -> Calibration:
    """A calibration by name, or from a file that ``save_calibration`` wrote.

    Raises:
        UnknownNameError: No such calibration; lists the nearest.
        ConfigError: The file holds none.
    """
    if name.endswith((".toml", ".json")):
        table = load_table(Path(name))
        table.pop("verdict", None)
        return build(Calibration, table, where=name)
    known = load_facts("optimoe.cost", "calibrations.toml")
    name = find_name("calibration", name, known)
    return build(Calibration, {"name": name, **known[name]}, where=f"calibration {name}")


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as TOML or JSON, by the ending of the file.

    Raises:
        InputError: Another ending, or the place cannot be written.
    """
    if path.suffix not in (".toml", ".json"):
        raise InputError(f"--out: must end in .toml or .json, got {path}")
    if path.suffix == ".json":
        record = {**to_record(calibration), "verdict": calibration.verdict}
        write_text(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    else:
        save_toml(path, {**to_values(calibration), "verdict": calibration.verdict})
