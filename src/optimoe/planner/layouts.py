"""The layouts of training in which a search tries the designs of a space: the best ones of a few of them."""

import numpy as np

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.cost.training.estimate import TrainRun
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.usual import usual_train_layouts
from optimoe.planner.problem.space import Space

FAMILIES, SIZES = 12, (0.02, 0.1, 0.3, 0.8)
"""Families whose layouts are looked at, evenly spread over the space, and how much of what the cluster's memory holds
their designs take, from little to nearly all of it (assumed)."""

STATE_BYTES = 16
"""Bytes that a parameter takes in training: weight and gradient in bf16, master weight and two moments in fp32
(ZeRO, arXiv 1910.02054, Sec. 3.1)."""


def usual_layouts(space: Space, run: TrainRun, *, routed: bool) -> TrainLayout:
    """The layouts for the routed designs of a space, or for its dense ones, on the cluster of a run."""
    families = [family for family in space.families() if family.dense != routed]
    places = np.unique(np.linspace(0, len(families) - 1, FAMILIES).round().astype(int))
    shapes, room = space.every(), run.cluster.num_gpus * run.cluster.accelerator.memory_bytes / STATE_BYTES
    designs: list[ArchSpec] = []
    for place in places.tolist():
        own = space.of(families[place], shapes)
        if len(own.d_model):
            totals = np.asarray(count_params(space.designs({families[place]: own})).total)
            near = [int(np.abs(np.log(totals / (share * room))).argmin()) for share in SIZES]
            designs.append(space.designs({families[place]: own.where(np.unique(near))}))
    return usual_train_layouts(designs, run)
