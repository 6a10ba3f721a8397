"""Calibrate the serving model on every engine version of serving_e2e_hopper, for calibrations.toml.

    OPTIMOE_DATA=… python benchmarks/fit_presets.py [--write FILE]

A version is calibrated where it has enough records. Prints the held-out errors before and after; ``--write``
writes the table that ships: versions whose held-out records came nearer.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from latency_rows import latency_records
from optimoe.core.config import save_toml
from optimoe.core.errors import InputError
from optimoe.core.records import to_record
from optimoe.cost.calibration import Calibration, FitSettings, calibrate

HEAD = """\
The serving model calibrated on measured engines: five factors per engine version (optimoe.cost.calibration).
Written by benchmarks/fit_presets.py. Many records carry no date: they are no younger than measured_to."""
LEAST_RECORDS = 20
RESAMPLES = 60
"""Refits for the intervals of one version: the ends at 5 and 95 % of so many are rough."""
SETTINGS = FitSettings(least_records=LEAST_RECORDS, resamples=RESAMPLES)
DIGITS = 4


def presets() -> list[Calibration]:
    """One calibration for each version with enough usable records."""
    groups = defaultdict(list)
    for record in latency_records():
        groups[record.engine, record.engine_version].append(record)
    calibrations = []
    for (engine, version), records in sorted(groups.items()):
        try:
            calibration = calibrate(records, settings=SETTINGS)
        except InputError as error:
            print(f"{engine} {version}: {error}")
            continue
        models = tuple(Path(model).stem.partition("--")[2] or model for model in calibration.models)
        calibrations.append(replace(calibration, models=models))
    return calibrations


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _line(calibration: Calibration) -> str:
    factors = calibration.factors
    numbers = (factors.decode_scale, factors.prefill_scale, 1e3 * factors.front_s)
    cells = "".join(f"{number:>9.2f}" for number in (*numbers, 1e3 * factors.step_s, 1e6 * factors.request_s))
    before, after = calibration.before, calibration.after
    pairs = ((before.tpot, after.tpot), (before.ttft, after.ttft))
    errors = "".join(f"{was.median_error:>14.3f}{now.median_error:>8.3f}" for was, now in pairs)
    held_out = f"{calibration.held_out} {'; '.join(calibration.left_out)}"
    return f"{calibration.name:<28}{calibration.records:>5}{cells}{errors}   {held_out}"


def main(words: Sequence[str]) -> None:
    """Print a line a version."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=Path)
    options = parser.parse_args(words)
    calibrations = presets()
    columns = "".join(f"{name:>9}" for name in ("decode", "prefill", "front ms", "step ms", "req µs"))
    print(f"{'engine':<28}{'rows':>5}{columns}{'TPOT before, after':>22}{'TTFT before, after':>22}   held out")
    tables = {}
    for calibration in calibrations:
        print(_line(calibration))
        if calibration.verdict == "no_better":
            continue
        record = _rounded(to_record(calibration))
        del record["name"]
        tables[calibration.name] = record
    if options.write:
        save_toml(options.write, tables, comment=HEAD)


if __name__ == "__main__":
    main(sys.argv[1:])
