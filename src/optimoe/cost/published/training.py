"""Published speeds of training runs (``training_claims.toml``), beside the model's prediction of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from optimoe.arch.catalog import find_model
from optimoe.arch.flops import decode_flops
from optimoe.arch.parts import Attention, DenseFFN
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.training.estimate import TrainEstimate, TrainRun, estimate_training, model_flops_per_token
from optimoe.cost.training.layout import TrainLayout, batch_kept
from optimoe.cost.training.search import best_training
from optimoe.cost.training.setup import TrainSetup

LAYOUT_FIELDS = ("tp", "ep", "pp", "zero", "micro_batch", "interleave", "recompute", "sequence_parallel")


@dataclass(frozen=True, kw_only=True)
class TrainingClaim:
    """One training run whose speed somebody published.

    Attributes:
        group: Rows of one source.
        model: Name.
        arch: The model.
        run: Cluster, batch and trainer.
        layouts: The published layout; several where it leaves something open, none where it says nothing.
        tokens_per_s: Tokens of all GPUs, as published.
        routed: Whether the model has routed experts.
        source: Where it stands.
        assumed: What the source leaves open.
    """

    group: str
    model: str
    arch: ArchSpec
    run: TrainRun
    layouts: tuple[TrainLayout, ...]
    tokens_per_s: float
    routed: bool
    source: str
    assumed: str

    def predict(self) -> TrainEstimate:
        """The fastest of the layouts that fit; if none does, the one that is shortest of memory least.

        Without any layout, the best of all.
        """
        if not self.layouts:
            return best_training(self.arch, self.run)
        estimates = [estimate_training(self.arch, self.run, layout) for layout in self.layouts]
        fitting = [estimate for estimate in estimates if estimate.memory.fits]
        if fitting:
            return min(fitting, key=lambda estimate: float(estimate.step.total_s))
        return min(estimates, key=lambda estimate: float(estimate.memory.total))

    @property
    def mfu(self) -> float:
        """Published model FLOPs utilisation, by 6ND over the peak of the products' precision."""
        flops = model_flops_per_token(self.arch, self.run.seq_len, "6nd")
        return float(flops * self.tokens_per_s / self.run.peak_flops_per_s)


def training_claims() -> tuple[TrainingClaim, ...]:
    """Every published training run of ``training_claims.toml``."""
    table = load_facts("optimoe.cost", "training_claims.toml")
    return tuple(claim for group in table["group"] for claim in _claims(group, table["model"]))


def _claims(group: dict[str, Any], models: dict[str, Any]) -> Iterator[TrainingClaim]:
    for values in group["rows"]:
        row = {**group.get("layout", {}), **group.get("setup", {}), "seq_len": group.get("seq_len")}
        row |= dict(zip(group["columns"], values, strict=True))
        arch = _arch(row["model"], models, row["seq_len"])
        setup_fields = [name for name in row if name in TrainSetup.__dataclass_fields__]
        run = TrainRun(
            cluster=Cluster(accelerator=find_accelerator(group["gpu"]), num_gpus=row["num_gpus"]),
            batch_tokens=row["sequences"] * row["seq_len"],
            seq_len=row["seq_len"],
            setup=TrainSetup(**{name: row[name] for name in setup_fields}),
        )
        yield TrainingClaim(
            group=group["name"],
            model=row["model"],
            arch=arch,
            run=run,
            layouts=() if group.get("search") else tuple(_layouts(row, arch.num_layers)),
            tokens_per_s=_tokens_per_s(arch, run, group["measured"], row["value"]),
            routed=group.get("routed", False),
            source=group["source"],
            assumed=group.get("assumed", ""),
        )


def _layouts(row: dict[str, Any], num_layers: int) -> Iterator[TrainLayout]:
    """What a row leaves open is a list; combinations that do not divide the batch or the layers fall out.

    Stages are even where the layers divide, as Megatron-LM's are unless it is told.
    """
    given = {name: row[name] for name in LAYOUT_FIELDS if name in row}
    choices = [value if isinstance(value, list) else [value] for value in given.values()]
    for values in product(*choices):
        fields = dict(zip(given, values, strict=True))
        tp, pp = fields.get("tp", 1), fields.get("pp", 1)
        dp = row["num_gpus"] // (tp * pp)
        divides = row["sequences"] // dp % fields.get("micro_batch", 1) == 0
        chunks = fields.get("interleave", 1)
        even = 0 if num_layers % pp else num_layers // pp
        if divides and (chunks == 1 or (pp > 1 and chunks <= -(-num_layers // pp))):
            layout = TrainLayout(**fields, dp=dp, first_layers=even, last_layers=even)
            if batch_kept(layout, row["sequences"]):
                yield layout


def _arch(name: str, models: dict[str, Any], seq_len: int) -> ArchSpec:
    """A model of the file, or of the catalog."""
    if name not in models:
        return find_model(name)
    row = models[name]
    heads, d_model, gated = row["num_heads"], row["d_model"], row.get("gated", False)
    kv_heads = row.get("num_kv_heads", heads)
    mixer = Attention(num_heads=heads, num_kv_heads=kv_heads, head_dim=d_model // heads)
    ffn = DenseFFN(d_ff=row.get("d_ff", 4 * d_model), gated=gated)
    return ArchSpec(
        name=name,
        vocab_size=row["vocab_size"],
        d_model=d_model,
        layers=(LayerGroup(num_layers=row["num_layers"], mixer=mixer, ffn=ffn),),
        tied_embeddings=row.get("tied", not gated),
        num_positions=0 if gated else seq_len,
    )


def _tokens_per_s(arch: ArchSpec, run: TrainRun, measured: str, value: float) -> float:
    """Of all GPUs, from what a source states."""
    if measured == "step_s":
        return run.batch_tokens / value
    if measured == "tokens_per_s_per_gpu":
        return run.cluster.num_gpus * value
    if measured == "flops_6nd":
        flops = model_flops_per_token(arch, run.seq_len, "6nd")
    else:
        flops = model_flops_per_token(arch, run.seq_len, "whole_square")
        if measured == "flops_full_recompute":
            flops = flops + decode_flops(arch, run.seq_len, mla="expanded").nonembedding
        elif measured != "flops_whole_square":
            raise ConfigError(f"measured: must be a known kind, got {measured}")
    return float(run.cluster.num_gpus * value / np.asarray(flops))
