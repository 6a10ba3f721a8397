"""What came of runs in labelled lines, and where a run is in one line."""

from collections.abc import Sequence
from pathlib import Path

from optimoe.core.run import RunRecord
from optimoe.core.units import format_count, format_seconds
from optimoe.report.records.runs.trained import imbalance_of
from optimoe.report.words.lines import Blocks, Deciding, Lines


def trained_blocks(records: Path, runs: Sequence[tuple[Path, RunRecord]]) -> Blocks:
    """Each run, and where the records of all are."""
    return [*(trained_lines(folder, record) for folder, record in runs), [("Records", str(records))]]


def trained_lines(folder: Path, record: RunRecord) -> Lines:
    """One run and its folder."""
    return [*run_lines(record), ("Folder", str(folder))]


def run_lines(record: RunRecord) -> Lines:
    """One run: the model, its loss, the speed, and the balance of its experts."""
    sizes = f"{format_count(record.params_total)} parameters, {format_count(record.params_active)} active"
    lines = [("Run", f"{record.run.name}: {sizes}, {format_count(record.tokens_seen)} tokens, {record.status}")]
    if record.loss is not None and record.bits_per_byte is not None:
        loss = f"{record.loss:.4f} nats/token, {record.bits_per_byte:.4f} bits/byte, held out"
        lines.append((Deciding("Loss"), loss))
    took = format_seconds(record.seconds) if record.seconds else "0 s"
    speed = f"{record.tokens_per_s:,.0f} tokens/s, {record.mfu:.1%} MFU, {took} on {record.device}"
    lines.append(("Speed", speed))
    imbalance = imbalance_of(record)
    if imbalance is not None:
        lines.append(("Balance", f"busiest expert {imbalance:.2f} times the mean, held out"))
    return lines


def progress_words(
    name: str, *, share: float, loss: float, held_out: float | None, tokens_per_s: float, mfu: float, left_s: float
) -> str:
    """Where a run is, in one line.

    Args:
        name: Of the run.
        share: Of its steps that are done.
        loss: Of the last step, nats per token.
        held_out: The last held-out loss.
        tokens_per_s: Of the last steps.
        mfu: Of the last steps.
        left_s: Seconds that the rest takes at that speed.
    """
    seen = f", held out {held_out:.3f}" if held_out is not None else ""
    speed = f"{tokens_per_s:,.0f} tokens/s, {mfu:.1%} MFU"
    return f"{name} {share:.0%}: loss {loss:.3f}{seen}, {speed}, {format_seconds(left_s)} left"
