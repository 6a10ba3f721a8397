"""What is wrong with a table of runs: units and mixtures as a whole, and rows that cannot be used."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimoe.core.errors import require
from optimoe.laws.runs.observations import unusable

ONE_OF_A_KIND = ("tokenizer", "dataset")
SMALLEST = {
    "N": (1e4, "parameters"),
    "N_act": (1e4, "parameters"),
    "D": (1e6, "tokens"),
    "C": (1e12, "FLOPs"),
}
"""Below this in every row, a column is in millions or billions of its unit."""
LARGEST_LOSS = 20.0
FINISHED = ("finished", "completed", "success", "")


def check_table(values: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> None:
    """Units and mixtures that make the whole table unusable."""
    for name, (smallest, unit) in SMALLEST.items():
        if name in values and len(values[name]):
            largest = np.nanmax(values[name])
            require(largest >= smallest, name, f"in {unit} (scale it: {name}=COLUMN*1e9)", f"at most {largest:g}")
    if len(values["loss"]):
        middle = np.nanmedian(values["loss"])
        require(middle <= LARGEST_LOSS, "loss", "in nats per token (a perplexity is exp of it)", f"{middle:g}")
    for name in ONE_OF_A_KIND:
        kinds = sorted(set(labels.get(name, ())))
        require(len(kinds) < 2, name, f"one in all rows (take some: where=\"{name} == '…'\")", ", ".join(kinds))


def bad_rows(values: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> dict[int, str]:
    """Why a row cannot be used, by row: not a number, not positive, unfinished, or there already."""
    reasons: dict[int, str] = {}
    # the status first: why a run ended early says more than the loss that it therefore has not
    for row, status in enumerate(labels.get("status", ())):
        if status.lower() not in FINISHED:
            reasons.setdefault(row, f"status is {status}")
    for name, column in values.items():
        for bad in np.flatnonzero(unusable(name, column)):
            reasons.setdefault(int(bad), f"{name} is {column[bad]:g}")
    first: dict[tuple[Any, ...], int] = {}
    told_apart = [labels[name] for name in ("run", "seed") if name in labels] + list(values.values())
    for row, key in enumerate(zip(*told_apart, strict=True)):
        if first.setdefault(key, row) != row:
            reasons.setdefault(row, "repeats an earlier row in every value")
    return reasons
