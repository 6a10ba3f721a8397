"""``optimoe arch``: count models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from optimoe.app.cli.options import JsonFlag, QuietFlag
from optimoe.app.cli.printing import show, show_blocks
from optimoe.app.notes import warn
from optimoe.app.replies import counting
from optimoe.app.waiting import stage
from optimoe.core.errors import InputError
from optimoe.inputs.models import ArchRequest

if TYPE_CHECKING:
    from optimoe.arch.checkpoint.gguf.held import GgufModel


def arch(
    request: ArchRequest = ArchRequest(),  # noqa: B008 (frozen)
    *,
    hf: Annotated[Path | None, Parameter(help="Write the model's config.json into this folder.")] = None,
    quiet: QuietFlag = False,
    json: JsonFlag = False,
) -> None:
    """Count a model: parameters by part, FLOPs per token, bytes; of a checkpoint or GGUF files, what they hold."""
    if request.via == "transformers":
        _show_modules(request, json, quiet)
        return
    if (held := request.gguf()) is not None:
        _show_gguf(held, json, quiet)
        return
    if hf is not None and (number := len(request.specs())) > 1:
        raise InputError(f"--hf: takes one model, got {number}")
    reply = counting.arch(request)
    if hf is not None:
        _save_config(request, hf)
    show_blocks(json, reply.record, reply.blocks, quiet=quiet)


def _save_config(request: ArchRequest, folder: Path) -> None:
    """Write the model as a ``config.json``."""
    from optimoe.arch.hf import to_config
    from optimoe.core.files import write_text
    from optimoe.core.records import to_json

    (spec,) = request.stored()
    write_text(folder / "config.json", to_json(to_config(spec)) + "\n")
    if spec != spec.in_bf16:
        warn("--hf: config.json states the shape alone, without formats: it reads back in bf16")


def _show_gguf(held: "GgufModel", json: bool, quiet: bool) -> None:
    """Print what GGUF files hold."""
    from optimoe.report.records.arch import gguf_record
    from optimoe.report.words.arch_prose import gguf_lines

    record = gguf_record(held)
    show(json, lambda: record, lambda: gguf_lines(record), quiet=quiet)


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
