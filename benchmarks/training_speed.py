"""How fast the best layouts of many designs are found.

    python benchmarks/training_speed.py

10,000 routed designs of any width and depth on 512 H100, each in the layouts that are best for 25 of them.
"""

import time

import numpy as np

from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.grid import take
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.search import training_mfu, usual_train_layouts

DESIGNS, FEW, GPUS, SEQUENCES = 10_000, 25, 512, 1024


def main() -> None:
    """Print designs, layouts and seconds."""
    draw = np.random.default_rng(0)
    heads = draw.integers(1, 9, DESIGNS) * 8
    attention = Attention(num_heads=heads, num_kv_heads=8, head_dim=128)
    ffn = MoE(num_experts=64, top_k=4, d_expert=heads * 128)
    layers = LayerGroup(num_layers=draw.integers(16, 80, DESIGNS), mixer=attention, ffn=ffn)
    grid = ArchSpec(name="grid", vocab_size=50_304, d_model=heads * 128, layers=(layers,))
    run = TrainRun(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=GPUS),
        batch_tokens=SEQUENCES * 4096,
        seq_len=4096,
    )
    start = time.perf_counter()
    by_size = np.argsort(count_params(grid).total)
    layouts = usual_train_layouts([take(grid, by_size[:: DESIGNS // FEW])], run)
    chosen = time.perf_counter() - start
    start = time.perf_counter()
    trained = training_mfu(grid, run, layouts)
    seconds = time.perf_counter() - start
    print(f"layouts of {FEW} designs in {chosen:.2f} s")
    print(f"{DESIGNS} designs × {len(layouts.tp)} layouts in {seconds:.2f} s; {np.mean(trained.fits):.0%} fit")


if __name__ == "__main__":
    main()
