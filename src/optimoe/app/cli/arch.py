"""``optimoe arch``: count models."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from optimoe.app.cli.printing import print_columns, print_json, print_lines
from optimoe.arch.catalog import find_model
from optimoe.arch.count import ArchCount, count
from optimoe.arch.hf import to_config
from optimoe.arch.spec import ArchSpec, describe
from optimoe.core.errors import InputError
from optimoe.core.files import write_text
from optimoe.core.records import to_json
from optimoe.inputs.quantities import Flag, Quantity


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
        print_json(records[0] if not more else {"models": records})
        return
    from optimoe.report.words.arch_prose import arch_columns, arch_lines

    if more:
        print_columns(arch_columns(records))
    else:
        print_lines(arch_lines(records[0]))


def count_record(spec: ArchSpec, counted: ArchCount) -> dict[str, Any]:
    """The keys of ``optimoe arch --json``."""
    return {
        "name": spec.name,
        "arch": describe(spec),
        "params_total": counted.params.total,
        "params_active": counted.params.active,
        "params_nonembedding": counted.params.nonembedding,
        "params_active_nonembedding": counted.params.active_nonembedding,
        "parts": asdict(counted.params),
        "context_tokens": counted.context_tokens,
        "flops_per_token": {
            "prefill": counted.prefill.total,
            "decode": counted.decode.total,
            "train": counted.train_flops_per_token,
        },
        "flops_parts": {"prefill": asdict(counted.prefill), "decode": asdict(counted.decode)},
        "precision": counted.precision,
        "weight_bytes": counted.weight_bytes,
        "kv_precision": counted.kv_precision,
        "kv_bytes_per_token": counted.kv_bytes_per_token,
        "state_bytes": counted.state_bytes,
        "params_mtp": counted.params_mtp,
        "all_reduce_bytes_per_token": counted.all_reduce_bytes_per_token,
        "tensor_parallel_collectives": counted.tensor_parallel_collectives,
        "expert_attention_flops_ratio": counted.expert_attention_flops_ratio,
        "sparsity": counted.sparsity,
        "granularity": counted.granularity,
    }
