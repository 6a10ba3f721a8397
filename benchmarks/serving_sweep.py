"""How long a sweep of the serving model takes: designs × layouts × batches in one call.

python benchmarks/serving_sweep.py [points]
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optimoe.arch.parts import Attention, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment, ServingEstimate, predict_serving
from optimoe.cost.serving.workload import Workload

DEGREES = np.array([1, 2, 4, 8])
BATCHES = np.unique(np.round(2 ** np.arange(0, 12.5, 0.5)))


def designs(number: int) -> ArchSpec:
    """A grid of so many routed designs, with two axes for layouts and batches."""
    draw = np.random.default_rng(0)

    def pick(*values: int) -> np.ndarray:
        return draw.choice(values, number)[:, None, None]

    heads = pick(16, 32, 64)
    return ArchSpec(
        name="grid",
        vocab_size=128_256,
        d_model=128 * heads,
        layers=(
            LayerGroup(
                num_layers=pick(24, 32, 48),
                mixer=Attention(num_heads=heads, num_kv_heads=8 + 0 * heads, head_dim=128),
                ffn=MoE(num_experts=pick(16, 64, 256), top_k=pick(2, 4, 8), d_expert=pick(1024, 2048, 4096)),
            ),
        ),
    )


def sweep(arch: ArchSpec, tp: Any, concurrency: Any) -> ServingEstimate:
    """Every design in every layout at every batch."""
    deployment = Deployment(
        cluster=Cluster(accelerator=find_accelerator("h100-sxm"), num_gpus=8),
        workload=Workload(input_tokens=2048, output_tokens=512),
        price=given_price(2.0),
        engine=Engine(execution=Execution(precision="fp8")),
    )
    return predict_serving(arch, deployment, layout=Layout(tp=tp, dp=8 // tp, ep=tp), concurrency=concurrency)


def best_s(call: Callable[[], ServingEstimate], repeats: int) -> float:
    """The shortest of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main(words: Sequence[str]) -> None:
    """Time a sweep and a single estimate."""
    points = int(float(words[0])) if words else 10**6
    grid = designs(points // (len(DEGREES) * len(BATCHES)))
    size = np.size(sweep(grid, DEGREES[:, None], BATCHES).tpot_s)
    print(f"sweep of {size:,} points: {best_s(lambda: sweep(grid, DEGREES[:, None], BATCHES), 3):.2f} s")
    design = grid.at((0, 0, 0))
    print(f"one estimate: {best_s(lambda: sweep(design, 2, 64.0), 100) * 1e3:.2f} ms")


if __name__ == "__main__":
    main(sys.argv[1:])
