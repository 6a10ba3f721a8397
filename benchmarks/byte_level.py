"""What every kind of feed-forward and router learns of bytes in 500 steps, beside a dense one of equal FLOPs.

    python benchmarks/byte_level.py rows.jsonl            # train what the file lacks, then print the table
    python benchmarks/byte_level.py rows.jsonl --only dense peer --seeds 0 1
    python benchmarks/byte_level.py rows.jsonl --table    # print it only

Feed-forwards have the active FLOPs of the dense one, but for PEER, whose 32 neurons a token take fewer. The
text is the source of Python's own standard library. Width 64, 3 layers, 4 heads, 128 positions, 2,048 tokens a
step, AdamW with warm-up and a cosine, global gradient norm 1, one thread. A seed decides the initial weights;
the order of the data is that of the seed too, and the same for all variants, so that differences are paired.
"""

import argparse
import ast
import inspect
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optimoe.arch.parts import PEER, Attention, DenseFFN, MoE
from optimoe.arch.parts import FeedForward as Part
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import Decoder, build
from optimoe.models.losses import Balancer, training_loss
from optimoe.models.routers import ExpertChoice, Hash, PolicyGradient, RouterConfig, SBase, TopK
from optimoe.models.routing import report

D, LAYERS, HEADS, POSITIONS, SEQUENCES, STEPS, RATE, WARMUP = 64, 3, 4, 128, 16, 500, 3e-3, 50
HELD_OUT_TOKENS = 960 * POSITIONS  # 123 k: ± 0.006 nats of sampling
BIAS_RATE = 1e-3


@dataclass(frozen=True)
class Variant:
    """One row of the table: a feed-forward, how it is routed, what is added to the loss, and how many seeds."""

    ffn: Part
    router: RouterConfig = field(default_factory=TopK)
    losses: LossConfig = field(default_factory=LossConfig)
    seeds: int = 2


def experts(num_experts: int, top_k: int, **more: int) -> MoE:
    """Experts whose active width is the dense 256, less what is shared."""
    shared = more.get("d_shared", 0)
    return MoE(num_experts=num_experts, top_k=top_k, d_expert=(256 - shared) // top_k, **more)


BALANCE = LossConfig(balance=0.01)
VARIANTS = {
    "dense": Variant(DenseFFN(d_ff=256), seeds=4),
    "peer": Variant(PEER(num_keys=64, num_heads=4, top_k=8, d_key=32), seeds=4),
    "k=1": Variant(experts(8, 1), TopK(), BALANCE, seeds=4),
    "hash k=2": Variant(experts(8, 2), Hash(), seeds=4),
    "hash k=1": Variant(experts(8, 1), Hash()),
    "16 k=2 + shared": Variant(experts(16, 2, num_shared_experts=1, d_shared=128), TopK(), BALANCE),
    "noise, importance": Variant(experts(8, 2), TopK(noise=True), LossConfig(importance=0.01)),
    "sigmoid, bias": Variant(
        experts(8, 2), TopK(score="sigmoid", balanced_by_bias=True), LossConfig(balance=1e-4)
    ),
    "expert choice by position": Variant(experts(8, 2), ExpertChoice(choice_group="position")),
    "expert choice, batch, then token choice": Variant(experts(8, 2), ExpertChoice(evaluation="token_choice")),
    "32 k=2, softmax, bias": Variant(experts(32, 2), TopK(balanced_by_bias=True)),
    "32 k=8": Variant(experts(32, 8), TopK(), BALANCE),
    "8 k=2, balance, z": Variant(experts(8, 2), TopK(), LossConfig(balance=0.01, z=1e-3)),
    "8 k=2, no balancing": Variant(experts(8, 2)),
    "S-BASE k=1": Variant(experts(8, 1), SBase()),
    "RL-R k=1": Variant(experts(8, 1), PolicyGradient(), BALANCE),
}


def text() -> Tensor:
    """Bytes of the standard library's sources, file after file in the order of their names."""
    root = Path(inspect.getfile(ast)).parent
    files = sorted(f for f in root.rglob("*.py") if "site-packages" not in f.parts and "test" not in f.parts)
    return torch.frombuffer(bytearray(b"".join(f.read_bytes() for f in files)), dtype=torch.uint8)


def batch(data_N: Tensor, at_B: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the sequences that begin at some places, (B, S) each."""
    ids = data_N[at_B[:, None] + torch.arange(POSITIONS + 1)].long()
    return ids[:, :-1], ids[:, 1:]


def make(variant: Variant, seed: int) -> Decoder:
    """The model of a variant, with the seed's weights."""
    torch.manual_seed(seed)
    mixer = Attention(num_heads=HEADS, num_kv_heads=HEADS, head_dim=D // HEADS)
    layers = (LayerGroup(num_layers=LAYERS, mixer=mixer, ffn=variant.ffn),)
    arch = ArchSpec(name="bytes", vocab_size=256, d_model=D, layers=layers)
    return build(arch, ModelConfig(router=variant.router, losses=variant.losses))


def warmed_cosine(step: int) -> float:
    """Share of the rate at a step: linear warm-up, under a cosine to zero."""
    return min((step + 1) / WARMUP, (1 + math.cos(math.pi * step / STEPS)) / 2)


def train(variant: Variant, seed: int, data_N: Tensor) -> dict[str, float]:
    """Held-out loss (nats per byte), the worst layer's imbalance at evaluation, parameters, CPU seconds."""
    model, start = make(variant, seed), time.process_time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmed_cosine)
    order = torch.Generator().manual_seed(seed)
    train_N = data_N[: -HELD_OUT_TOKENS - 1]
    balancer = Balancer(model, BIAS_RATE) if variant.router.balanced_by_bias else None
    for _ in range(STEPS):
        at_B = torch.randint(len(train_N) - POSITIONS, (SEQUENCES,), generator=order)
        ids_BS, targets_BS = batch(train_N, at_B)
        output = model(ids_BS)
        optimizer.zero_grad()
        training_loss(output, targets_BS, variant.losses).total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if balancer is not None:
            balancer.add(output)
            balancer.step()
    seconds = time.process_time() - start
    loss, imbalance = evaluate(model, data_N[-HELD_OUT_TOKENS - 1 :])
    return {
        "loss": loss,
        "imbalance": imbalance,
        "params": sum(p.numel() for p in model.parameters()),
        "cpu_s": seconds,
    }


@torch.no_grad()
def evaluate(model: Decoder, data_N: Tensor) -> tuple[float, float]:
    """Nats per byte, and the mean over batches of the worst layer's largest load ÷ mean load."""
    model.eval()
    losses, imbalances = [], []
    for at_B in torch.arange(0, HELD_OUT_TOKENS, POSITIONS).split(60):
        ids_BS, targets_BS = batch(data_N, at_B)
        output = model(ids_BS)
        losses.append(training_loss(output, targets_BS, LossConfig()).language.item())
        imbalances += [max((report(one).load_imbalance.item() for one in output.routings.values()), default=1.0)]
    return sum(losses) / len(losses), sum(imbalances) / len(imbalances)


def table(rows: list[dict[str, Any]]) -> str:
    """A table in Markdown: mean loss, paired difference from dense with its standard error."""
    loss = {(row["variant"], row["seed"]): row for row in rows}
    heads = ["variant", "parameters", "nats per byte, by seed", "minus dense", "imbalance", "CPU time ÷ dense"]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---|---:|---:|---:|"]
    for name in VARIANTS:
        mine = {seed: row for (variant, seed), row in loss.items() if variant == name}
        both = [seed for seed in mine if ("dense", seed) in loss]
        if not both:
            continue
        apart = torch.tensor([mine[s]["loss"] - loss["dense", s]["loss"] for s in both], dtype=torch.float64)
        error = f" ± {apart.std().item() / len(both) ** 0.5:.3f}" if len(both) > 1 else ""
        difference = "–" if name == "dense" else f"{apart.mean().item():+.3f}{error}"
        slower = sum(mine[s]["cpu_s"] / loss["dense", s]["cpu_s"] for s in both) / len(both)
        losses = ", ".join(f"{mine[s]['loss']:.3f}" for s in sorted(mine))
        uneven = "–" if name in ("dense", "peer") else f"{sum(mine[s]['imbalance'] for s in mine) / len(mine):.1f}"
        size = f"{next(iter(mine.values()))['params'] / 1e6:.2f}M"
        lines.append(f"| {name} | {size} | {losses} | {difference} | {uneven} | {slower:.2f} |")
    return "\n".join(lines)


def main(words: list[str] | None = None) -> None:
    """Train what the file lacks, a line for each run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="+", type=int, help="left out, as many as each variant has")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args(words)
    torch.set_num_threads(1)
    data_N = None if asked.table else text()
    for name in [] if data_N is None else asked.only:
        for seed in asked.seeds or range(VARIANTS[name].seeds):
            if any((row["variant"], row["seed"]) == (name, seed) for row in read(asked.rows)):
                continue
            row = {"variant": name, "seed": seed} | train(VARIANTS[name], seed, data_N)
            with asked.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(name, seed, f"{row['loss']:.3f}", flush=True)
    print(table(read(asked.rows)))


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of the runs that are done."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
