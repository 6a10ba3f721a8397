"""Measured latencies beside what was predicted of them, in lines and tables."""

from collections.abc import Sequence

from optimoe.core.units import format_count, format_seconds
from optimoe.cost.calibration import LatencyErrors
from optimoe.cost.calibration.check import CheckedRecord, LatencyCheck
from optimoe.cost.calibration.equivalents import EquallyFastDense
from optimoe.report.words.calibration_prose import accuracy_words, short_model
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table, labelled


def check_blocks(check: LatencyCheck) -> Blocks:
    """Errors, every record, and where routed models lie between dense ones."""
    return [check_lines(check), *check_tables(check)]


def check_sentence(check: LatencyCheck) -> str:
    """How far predictions are off in the median, with the calibration where there is one."""
    errors, how = (check.shipped, "as shipped") if check.calibrated is None else (check.calibrated, "calibrated")
    return (
        f"Predictions are off by {errors.tpot.median_error:.0%} in TPOT and {errors.ttft.median_error:.0%} in "
        f"TTFT in the median of {len(check.rows)} records, {how}."
    )


def check_tables(check: LatencyCheck) -> list[Table]:
    """Every record, and where routed models lie between dense ones."""
    tables = [Table(rows=record_rows(check.rows, bool(check.calibration)), words=("engine",), spare=("TTFT",))]
    if check.equivalents:
        title = "Dense models as fast as the routed ones, and the place between active (0) and total size (1)"
        tables.append(Table(rows=equivalent_rows(check.equivalents), title=title, words=("engine", "latency")))
    return tables


def check_lines(check: LatencyCheck) -> Lines:
    """How far predictions are off, as shipped and as calibrated, in the median."""
    lines: Lines = [
        (Deciding("Records"), f"{len(check.rows)}; errors are |ln(predicted/measured)|, in the median"),
        *labelled("Left out", check.left_out),
        (Deciding("As shipped"), _errors(check.shipped)),
    ]
    if check.calibrated is not None:
        number = sum(row.calibrated for row in check.rows)
        words = f"{check.calibration}, {number} records: {_errors(check.calibrated)}"
        lines.append((Deciding("Calibrated"), words))
    return [*lines, *labelled("Not used", [f"{check.calibration}: {why}" for why in check.unused])]


def record_rows(rows: Sequence[CheckedRecord], calibrated: bool) -> list[tuple[str, ...]]:
    """Every record: measured, and predicted over measured, as shipped and where asked for as calibrated."""
    heads = ["", "engine", "in/out", "requests", "TPOT", "shipped", "TTFT", "shipped"]
    if calibrated:
        heads = [*heads[:6], "calibrated", *heads[6:], "calibrated"]
    found = [tuple(heads)]
    for row in rows:
        record = row.record
        tpot, ttft = [_ratio(row.tpot_s, record.tpot_s)], [_ratio(row.ttft_s, record.ttft_s)]
        if calibrated:
            tpot.append(_ratio(row.calibrated_tpot_s, record.tpot_s) if row.calibrated else "–")
            ttft.append(_ratio(row.calibrated_ttft_s, record.ttft_s) if row.calibrated else "–")
        load = f"{record.input_tokens}/{record.output_tokens}", f"{record.concurrency:g}"
        seen = format_seconds(record.tpot_s), *tpot, format_seconds(record.ttft_s), *ttft
        found.append((short_model(record.model), record.engine, *load, *seen))
    return found


def equivalent_rows(equivalents: Sequence[EquallyFastDense]) -> list[tuple[str, ...]]:
    """Every routed model and load: the dense size of equal latency, and its place between active and total."""
    heads = ("", "engine", "latency", "requests", "as fast as dense", "active", "total", "place", "predicted")
    return [
        heads,
        *(
            (
                short_model(one.model),
                one.engine,
                one.latency.upper(),
                f"{one.concurrency:g}",
                f"{_beyond(one)}{format_count(one.params)}",
                format_count(one.params_active),
                format_count(one.params_total),
                f"{_beyond(one)}{one.position:.2f}",
                f"{one.predicted_position:.2f}",
            )
            for one in equivalents
        ),
    ]


def _beyond(one: EquallyFastDense) -> str:
    """What stands before the size at an end of the dense models that were measured."""
    if not one.beyond:
        return ""
    return "≤ " if one.position < 0.5 else "≥ "


def _ratio(predicted: float, measured: float) -> str:
    return f"{predicted / measured:.2f}×"


def _errors(errors: LatencyErrors) -> str:
    return f"TPOT {accuracy_words(errors.tpot)} · TTFT {accuracy_words(errors.ttft)}"
