"""JSON of ``optimoe arch``: what is counted of a model, what its files hold, what others build of it."""

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
from optimoe.report.records.arch.gguf import GgufRecord, gguf_record
from optimoe.report.records.arch.modules import ModulesRecord, modules_record

__all__ = [
    "CountRecord",
    "CountsRecord",
    "DesignRecord",
    "DifferenceRecord",
    "FlopPartsRecord",
    "GgufRecord",
    "ModulesRecord",
    "StoredModelRecord",
    "count_record",
    "counts_record",
    "design_record",
    "gguf_record",
    "modules_record",
]
