"""``optimoe arch``: count models."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show, show_blocks, stage
from optimoe.app.notes import warn
from optimoe.core.errors import InputError
from optimoe.inputs.models import ArchRequest


def arch(
    request: ArchRequest = ArchRequest(),  # noqa: B008 (frozen)
    *,
    hf: Annotated[Path | None, Parameter(help="Write the model's config.json into this folder.")] = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Count a model: parameters by part, FLOPs per token, bytes; of a checkpoint's folder, what its files hold."""
    from optimoe.arch.count import count
    from optimoe.report.records.arch import count_record, counts_record
    from optimoe.report.words.arch_prose import arch_columns, arch_lines
    from optimoe.report.words.lines import Table

    if request.via == "transformers":
        _show_modules(request, json, quiet)
        return
    specs = request.stored()
    if hf is not None and len(specs) > 1:
        raise InputError(f"--hf: takes one model, got {len(specs)}")
    records = [
        count_record(spec, count(spec, request.context, kv_precision=request.kv_precision), stored)
        for spec, stored in zip(specs, request.files(), strict=True)
    ]
    if hf is not None:
        from optimoe.arch.hf import to_config
        from optimoe.core.files import write_text
        from optimoe.core.records import to_json

        write_text(hf / "config.json", to_json(to_config(specs[0])) + "\n")
        if specs[0] != specs[0].in_bf16:
            warn("--hf: config.json states the shape alone, without formats: it reads back in bf16")
    if len(records) > 1:
        for spec in specs:
            if spec.note:
                warn(f"{spec.name}: {spec.note}")
        show_blocks(json, lambda: counts_record(records), lambda: [Table(rows=arch_columns(records))], quiet=quiet)
    else:
        show(json, lambda: records[0], lambda: arch_lines(records[0]), quiet=quiet)


def _show_modules(request: ArchRequest, json: bool, quiet: bool) -> None:
    """Print what transformers builds, by kind of module."""
    try:
        from optimoe.models.convert.foreign.modules import count_modules
    except ModuleNotFoundError:
        raise InputError("--via: needs PyTorch (pip install transformers 'optimoe[train]')") from None
    from optimoe.report.records.arch import modules_record
    from optimoe.report.words.arch_prose import module_lines

    with stage("build"):
        record = modules_record(str(request.model), count_modules(request.built()))
    show(json, lambda: record, lambda: module_lines(record), quiet=quiet)
