"""JSON of ``optimoe measure --from``: what another load generator has measured, as latency records."""

from collections.abc import Sequence
from dataclasses import dataclass

from optimoe.core.latency import LatencyRecord


@dataclass(frozen=True, kw_only=True)
class ForeignLevelsRecord:
    """Levels of load that were measured elsewhere.

    Attributes:
        records: Each as a record for ``optimoe cost calibrate``.
        out: Where they were written; empty for nowhere.
    """

    records: tuple[LatencyRecord, ...]
    out: str


def foreign_levels_record(records: Sequence[LatencyRecord], out: str) -> ForeignLevelsRecord:
    """Records and where they are."""
    return ForeignLevelsRecord(records=tuple(records), out=out)
