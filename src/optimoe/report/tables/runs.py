"""Records of runs as a table of others: CSV, Parquet, or the records themselves."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from optimoe.core.errors import InputError, require_choice
from optimoe.core.files import write_bytes, write_text
from optimoe.core.records import to_record
from optimoe.core.run import RunLog, RunRecord, load_run_records
from optimoe.laws.runs.tables.exports import run_columns
from optimoe.report.tables.predictions import columns_csv

ENDINGS = ("csv", "parquet", "jsonl")


BEYOND_BARE = ("curve", "by_stage", "router", "model", "how", "versions", "host")
"""Fields of a record that no law and no comparison asks for."""


def export_records(records: Path, out: Path, *, bare: bool = False) -> int:
    """Write the runs of a file of records that are over as a table, by the ending of its name.

    The columns of CSV and Parquet are those of :func:`optimoe.laws.runs.tables.exports.run_columns`.

    Args:
        records: The file.
        out: Where to.
        bare: Whether records are written without :data:`BEYOND_BARE`, about half as long.

    Returns:
        The number of its rows.

    Raises:
        InputError: The records cannot be read, the place cannot be written, or pyarrow is not installed.
        UnknownNameError: Another ending.
    """
    require_choice(out.suffix.removeprefix("."), "out: ending", ENDINGS)
    found = load_run_records(records).records
    if out.suffix == ".jsonl":
        write_text(out, _bare(found) if bare else records.read_text(encoding="utf-8"))
        return len(found)
    columns = run_columns(RunLog(records=found))
    if out.suffix == ".csv":
        write_text(out, columns_csv(columns))
        return len(found)
    if find_spec("pyarrow") is None:
        raise InputError(f"{out}: needs pyarrow (pip install 'optimoe[tables]')")
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    stream = io.BytesIO()
    parquet.write_table(arrow.table(dict(columns)), stream)
    write_bytes(out, stream.getvalue())
    return len(found)


def _bare(found: Sequence[RunRecord]) -> str:
    tables = [to_record(asdict(record)) for record in found]
    kept = [{name: value for name, value in table.items() if name not in BEYOND_BARE} for table in tables]
    return "".join(json.dumps(table, ensure_ascii=False, allow_nan=False) + "\n" for table in kept)
