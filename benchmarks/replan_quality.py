"""How often a re-plan near an earlier plan finds what the whole space has, after small moves of one input.

python benchmarks/replan_quality.py [--moves 30] [--out replan_quality.jsonl]

One plan of the whole space is made; then one input at a time is moved by ±1 to 20 % (seeded), as a slider is
dragged, and each question is answered near that plan, and by a search of the whole space with a memory of its own.
A line for each input: how often both choose the same design and deployment, and by how much the dollars and the
loss of the other choices differ (near over whole, less one; the median and the worst of those that differ).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.planner.candidate import Candidate
from optimoe.planner.plan import choose, plan
from optimoe.planner.pricing import PricedGrids
from plan_speed import MOVED, question

SEED, LEAST, MOST = 0, 0.01, 0.2


def factors(moves: int) -> np.ndarray:
    """Seeded factors, as often above one as below."""
    drawn = np.random.default_rng(SEED).uniform(LEAST, MOST, moves)
    return 1 + drawn * np.where(np.arange(moves) % 2, -1, 1)


def told(choice: Candidate) -> tuple[Any, ...]:
    """What tells one choice from another."""
    layers = [(group.num_layers, type(group.ffn).__name__) for group in choice.spec.layers]
    return choice.family, choice.spec.d_model, tuple(layers), choice.deployment.cluster, choice.deployment.engine


def compared(name: str, moves: int) -> dict[str, Any]:
    """One input moved so many times."""
    problem, near, whole = question(), PricedGrids(), PricedGrids()
    plan(problem, near)
    same, usd, loss = 0, [], []
    for factor in factors(moves):
        moved = MOVED[name](problem, float(factor))
        ours, theirs = choose(moved, near, near=True), choose(moved, whole)
        if told(ours) == told(theirs):
            same += 1
            continue
        usd.append(ours.total_usd / theirs.total_usd - 1)
        loss.append(ours.loss.value / theirs.loss.value - 1)
    return {"input": name, "moves": moves, "same": same} | _spread("usd", usd) | _spread("loss", loss)


def _spread(name: str, gaps: list[float]) -> dict[str, float]:
    """The median and the worst of some gaps; 0 where there are none."""
    middle = float(np.median(gaps)) if gaps else 0.0
    return {f"{name}_median": middle, f"{name}_worst": max(gaps, key=abs, default=0.0)}


def main(words: list[str]) -> None:
    """Print a line for each input, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=30)
    parser.add_argument("--inputs", nargs="*", default=[*MOVED])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(words)
    rows = []
    for name in asked.inputs:
        rows.append(compared(name, asked.moves))
        row = rows[-1]
        print(
            f"{name}: {row['same']} of {row['moves']} the same; else dollars {row['usd_median']:+.2%} (worst "
            f"{row['usd_worst']:+.2%}), loss {row['loss_median']:+.1e} (worst {row['loss_worst']:+.1e})",
            flush=True,
        )
    if asked.out:
        asked.out.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
