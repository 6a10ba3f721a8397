"""Routed against dense at saturation, with attention ranks that wait for each other and without.

python benchmarks/routed_or_dense.py [engine]

Output tokens per second of 8 H200 in fp8 at the largest batch: a routed model over a dense one of its kind.
Requests of one length keep the ranks alike, so that nobody waits; lengths that vary make them wait.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from optimoe.arch.catalog import find_model
from optimoe.cost.engines.engine import find_engine
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.workload import Workload
from optimoe.cost.sizing.layouts import best_serving
from optimoe.report.words.serving_prose import layout_words

PAIRS = (("qwen3-235b-a22b", "llama-3.1-70b"), ("deepseek-v3", "llama-3.1-405b"))
LENGTHS = ((128, 2048), (1024, 1024), (20_000, 2000))
SHARED = {"tp": 1, "pp": 1, "dp": 8, "ep": 8}


def served(model: str, deployment: Deployment, fixed: dict[str, int] | None = None) -> ServingEstimate:
    """A model at the largest batch, in the best layout or a given one."""
    return best_serving(find_model(model), deployment, fixed=fixed or {})


def main(words: Sequence[str]) -> None:
    """One line per pair and lengths."""
    engine = words[0] if words else "vllm"
    print("| routed, dense | tokens | dp 8, ep 8, ranks alike | ranks wait | best layout that waits |")
    print("|---|---|---|---|---|")
    for routed, dense in PAIRS:
        for prompt, answer in LENGTHS:
            waits = Deployment(
                cluster=Cluster(accelerator=find_accelerator("h200-sxm"), num_gpus=8),
                workload=Workload(input_tokens=prompt, output_tokens=answer),
                price=given_price(1.0),
                engine=find_engine(engine, precision="fp8"),
            )
            alike = replace(waits, workload=replace(waits.workload, fixed_lengths=True))
            base = served(dense, waits).tokens_per_s
            best = served(routed, waits)
            ratios = (served(routed, one, SHARED).tokens_per_s / base for one in (alike, waits))
            cells = " | ".join(f"{ratio:.2f}" for ratio in ratios)
            chosen = f"{best.tokens_per_s / base:.2f} ({layout_words(best.layout)})"
            print(f"| {routed}, {dense} | {prompt:,}/{answer:,} | {cells} | {chosen} |")


if __name__ == "__main__":
    main(sys.argv[1:])
