"""How many designs are counted in a second: a grid in one call, and one specification at a time.

python benchmarks/arch_count.py
"""

import time

import numpy as np

from optimoe.arch.count import count
from optimoe.arch.parts import Attention, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup

DESIGNS = 1_000_000
ROUNDS = 5


def grid(designs: int) -> ArchSpec:
    """Random Mixtral-like designs as one specification with array fields."""
    generator = np.random.default_rng(0)
    heads = 8 * generator.integers(1, 16, designs)
    return ArchSpec(
        name="grid",
        vocab_size=50_304,
        d_model=128 * heads,
        layers=(
            LayerGroup(
                num_layers=generator.integers(8, 100, designs),
                mixer=Attention(num_heads=heads, num_kv_heads=8, head_dim=128),
                ffn=MoE(
                    num_experts=generator.integers(8, 257, designs),
                    top_k=generator.integers(1, 9, designs),
                    d_expert=64 * generator.integers(4, 200, designs),
                ),
            ),
        ),
    )


def rate(specs: list[ArchSpec], designs: int) -> float:
    """Designs per second, the best of a few rounds: parameters, FLOPs, bytes and ratios of each."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for spec in specs:
            count(spec)
        times.append(time.perf_counter() - started)
    return designs / min(times)


def main() -> None:
    """Print both rates and their ratio."""
    many = grid(DESIGNS)
    together = rate([many], DESIGNS)
    singly = rate([many.at(i) for i in range(2000)], 2000)
    print(f"one grid of {DESIGNS:,}: {together:,.0f} designs/s   one by one: {singly:,.0f} designs/s")
    print(f"ratio {together / singly:,.0f}")


if __name__ == "__main__":
    main()
