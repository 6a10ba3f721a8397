"""``optimoe arch``: count models."""

from pathlib import Path

from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.hf import to_config
from optimoe.core.errors import InputError
from optimoe.core.files import write_text
from optimoe.core.records import to_json
from optimoe.inputs.quantities import Flag, Quantity
from optimoe.report.records.arch import count_record, counts_record


def arch(
    model: str,
    *more: str,
    context: Quantity = 4096.0,
    precision: str = "bf16",
    kv_precision: str = "bf16",
    hf: Path | None = None,
    json: Flag = False,
) -> None:
    """Count a model: parameters by part, FLOPs per token, bytes.

    Args:
        model: Catalog name, config.json, or the folder that holds one.
        more: Further models, to stand beside it.
        context: Length, and position, at which FLOPs are counted.
        precision: Of the weights.
        kv_precision: Of the cache.
        hf: Write the model's config.json into this folder.
        json: One JSON object instead of text.
    """
    specs = [find_model(name) for name in (model, *more)]
    if hf is not None and more:
        raise InputError(f"--hf: takes one model, got {len(specs)}")
    records = [count_record(spec, count(spec, context, precision, kv_precision)) for spec in specs]
    if hf is not None:
        write_text(hf / "config.json", to_json(to_config(specs[0])) + "\n")
    if json:
        print_json(counts_record(records) if more else records[0])
        return
    from optimoe.report.words.arch_prose import arch_columns, arch_lines

    if more:
        print_columns(arch_columns(records))
    else:
        print_lines(arch_lines(records[0]))
