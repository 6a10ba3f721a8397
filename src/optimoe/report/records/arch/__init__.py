"""JSON of ``optimoe arch``: what is counted of a model, and what its files hold."""

from optimoe.report.records.arch.count import (
    CountRecord,
    CountsRecord,
    DesignRecord,
    FlopPartsRecord,
    count_record,
    counts_record,
    design_record,
)
from optimoe.report.records.arch.files import DifferenceRecord, StoredModelRecord

__all__ = [
    "CountRecord",
    "CountsRecord",
    "DesignRecord",
    "DifferenceRecord",
    "FlopPartsRecord",
    "StoredModelRecord",
    "count_record",
    "counts_record",
    "design_record",
]
