"""The answer to a count of models: parameters by part, FLOPs per token, bytes."""

from optimoe.app.notes import warn
from optimoe.app.replies.reply import Reply
from optimoe.core.errors import InputError
from optimoe.inputs.models import ArchRequest


def arch(request: ArchRequest) -> Reply:
    """One model in lines, or several beside each other.

    Raises:
        InputError: Modules are to be built and counted, which is another answer.
    """
    from optimoe.arch.count import count
    from optimoe.report.records.arch import count_record, counts_record
    from optimoe.report.words.arch_prose import arch_columns, arch_lines
    from optimoe.report.words.lines import Table

    if request.via == "transformers":
        raise InputError("via: modules are built by the command line alone")
    specs = request.stored()
    records = [
        count_record(spec, count(spec, request.context, kv_precision=request.kv_precision), stored)
        for spec, stored in zip(specs, request.files(), strict=True)
    ]
    if len(records) == 1:
        return Reply(record=lambda: records[0], blocks=lambda: [arch_lines(records[0])])
    for spec in specs:
        if spec.note:
            warn(f"{spec.name}: {spec.note}")
    return Reply(record=lambda: counts_record(records), blocks=lambda: [Table(rows=arch_columns(records))])
