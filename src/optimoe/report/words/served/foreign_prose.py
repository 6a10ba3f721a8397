"""What another load generator has measured, in a table."""

from collections.abc import Sequence

from optimoe.core.latency import LatencyRecord
from optimoe.core.units import format_seconds
from optimoe.report.words.lines import Blocks, Table


def foreign_blocks(records: Sequence[LatencyRecord], out: str) -> Blocks:
    """Every level in a row, and where they were written."""
    heads = ("Model", "engine", "GPUs", "weights", "in", "out", "in flight", "TTFT", "TPOT", "date")
    rows = [heads, *map(_cells, records)]
    written: Blocks = [[("Written", f"{out}, {len(records)} records")]] if out else []
    return [
        Table(
            rows=rows,
            title="Medians of each level",
            spare=("weights", "date"),
            words=("engine", "GPUs", "weights"),
            decides=True,
        ),
        *written,
    ]


def _cells(one: LatencyRecord) -> tuple[str, ...]:
    lengths = (f"{one.input_tokens:,}", f"{one.output_tokens:,}", f"{one.concurrency:.4g}")
    times = (format_seconds(one.ttft_s), format_seconds(one.tpot_s))
    deployed = (f"{one.engine} {one.engine_version}", f"{one.num_gpus}x{one.gpu}", one.precision)
    return (one.model, *deployed, *lengths, *times, one.date)
