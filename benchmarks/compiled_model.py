"""Whole models, forward and backward, as they are and compiled: what ``torch.compile`` gains.

Both take turns in one process. On a CPU the experts stay one opaque call; norms, rotations and the loss gain.

    python benchmarks/compiled_model.py [--rounds 7] [--device cuda] [--widths 64 128 256]
"""

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import median

import torch

from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.models.config import LossConfig
from optimoe.models.decoder import build
from optimoe.models.losses import training_loss

VOCAB, SEQUENCES, POSITIONS = 1024, 16, 256
SHAPES = {"64 wide, 3 layers": (64, 3), "128 wide, 4 layers": (128, 4), "256 wide, 4 layers": (256, 4)}
EXPERTS = (1, 16)


def model_of(d_model: int, num_layers: int, num_experts: int) -> ArchSpec:
    """A decoder with top-2 experts of half the dense width, of equal active FLOPs."""
    heads = d_model // 32
    ffn = (
        DenseFFN(d_ff=4 * d_model)
        if num_experts == 1
        else MoE(num_experts=num_experts, top_k=2, d_expert=2 * d_model)
    )
    mixer = Attention(num_heads=heads, num_kv_heads=heads, head_dim=32)
    layers = (LayerGroup(num_layers=num_layers, mixer=mixer, ffn=ffn),)
    return ArchSpec(name=f"e{num_experts}", vocab_size=VOCAB, d_model=d_model, layers=layers)


def main(words: Sequence[str]) -> None:
    """Print tokens per second and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--widths", type=int, nargs="*", default=[d_model for d_model, _ in SHAPES.values()])
    asked = parser.parse_args(words)
    torch.manual_seed(0)
    for name, (d_model, num_layers) in SHAPES.items():
        if d_model not in asked.widths:
            continue
        for num_experts in EXPERTS:
            model = build(model_of(d_model, num_layers, num_experts)).to(asked.device)
            compare(f"{name}, E = {num_experts}", model, asked)


def compare(name: str, model: torch.nn.Module, asked: argparse.Namespace) -> None:
    """One line: eager, compiled, ratio, and the seconds of the first compiled step."""
    ids = torch.randint(0, VOCAB, (SEQUENCES, POSITIONS + 1), device=asked.device)

    def step(run: torch.nn.Module) -> float:
        start = time.perf_counter()
        loss = training_loss(run(ids[:, :-1]), ids[:, 1:], LossConfig(balance=0.01)).total
        model.zero_grad(set_to_none=True)
        loss.backward()
        if asked.device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    compiled = torch.compile(model)
    step(model)
    first_s = step(compiled)
    step(compiled)
    seconds: dict[str, list[float]] = {"eager": [], "compiled": []}
    for _ in range(asked.rounds):
        seconds["eager"].append(step(model))
        seconds["compiled"].append(step(compiled))
    eager, fast = (SEQUENCES * POSITIONS / median(times) for times in seconds.values())
    print(
        f"{name:28}  eager {eager:8,.0f} tok/s   compiled {fast:8,.0f} tok/s   {fast / eager:.2f}×   "
        f"first step {first_s:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
