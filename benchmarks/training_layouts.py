"""How near the few layouts that a plan tries come to the best of all, over designs of its usual space.

    python benchmarks/training_layouts.py [designs of each cluster]

Routed designs at random, E of 32 and more, that take 2 to 70 % of the memory of a number of H100: MFU in the best
of the usual layouts over that in the best of all. 0 is a design that none of the few trains.
"""

import sys
from collections.abc import Sequence

import numpy as np

from optimoe.core.errors import InfeasibleError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.search import best_training, training_mfu
from optimoe.planner.pricing import usual_layouts
from optimoe.planner.problem.space import Space
from optimoe.planner.search.listing import coarse, listed

CLUSTERS = (16, 64, 256, 1024, 4096)
BYTES_PER_PARAM, SHARES = 18, (0.02, 0.7)


def main(words: Sequence[str]) -> None:
    """Print a line for each cluster."""
    number, space, draw = int(words[0]) if words else 40, Space(), np.random.default_rng(0)
    listing, gpu = listed(space, coarse(space.all_members())), find_accelerator("h100-sxm")
    for gpus in CLUSTERS:
        run = TrainRun(cluster=Cluster(accelerator=gpu, num_gpus=gpus), batch_tokens=1024 * 4096, seq_len=4096)
        share = listing.params_total * BYTES_PER_PARAM / (gpus * gpu.memory_bytes)
        fits = (share > SHARES[0]) & (share < SHARES[1]) & (listing.of("num_experts") >= 32)
        few, found = usual_layouts(space, run, routed=True), []
        for place in draw.choice(np.flatnonzero(fits), number, replace=False):
            try:
                best = best_training(listing.at(int(place), space), run).mfu()
            except InfeasibleError:
                continue
            (grid, _), *_ = listing.pieces(np.array([place]))
            found.append(float(np.nan_to_num(training_mfu(grid, run, few).mfu[0])) / best)
        print(
            f"{gpus:5,} GPUs, {len(few.tp):3} layouts, {len(found)} designs: {np.mean(found):.3f} in the mean, "
            f"{np.quantile(found, 0.1):.3f} of one in ten, {min(found):.3f} the least"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
