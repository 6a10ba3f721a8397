"""What is wrong with a table of runs: units and mixtures as a whole, and rows that cannot be used."""

import re
from collections.abc import Mapping

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.errors import ConfigError, require
from optimoe.laws.runs.observations import unusable
from optimoe.laws.runs.repeats import exact_repeats

ONE_OF_A_KIND = ("tokenizer", "dataset")
UNITS = {"N": (1e4, 1e15, "parameters"), "D": (1e6, 1e17, "tokens"), "C": (1e12, 1e30, "FLOPs")}
"""Smallest and largest value by the kind of a variable. Below the smallest in every row, a column is in
millions or billions of its unit; the largest is a hundred times and more beyond any run (assumed)."""
FAR_DECADES = {"N": 5.0, "D": 5.0, "C": 8.0}
"""From the median of a column: a ladder of sizes from 1M to 1T reaches three decades to each side, its FLOPs six
(assumed)."""
FAR_RATIO_DECADES = {"D/N": 5.0, "C/(6·N·D)": 2.5}
"""Likewise of tokens per parameter (0.1 to 10,000 in the public run tables) and of counted over estimated FLOPs,
which differ by less than a factor of ten for any model: a thousand is another unit."""
PREFIXES = {3: "thousands", 6: "millions", 9: "billions", 12: "trillions"}
LARGEST_LOSS = 20.0
"""Nats per token: ln of the largest vocabularies is 12.5, and a model that knows nothing is there."""
FINISHED = ("finished", "completed", "success", "")
PERPLEXITY = re.compile(r"ppl|perplexity", re.IGNORECASE)
BITS = re.compile(r"bits?_?per|\bbpb\b|\bbpc\b|_bpb|bpb_", re.IGNORECASE)

Columns = Mapping[str, np.ndarray]


def kind_of(name: str) -> str:
    """The kind of a variable by its name: ``N`` of ``N_act``."""
    return name.partition("_")[0]


def check_table(values: Columns, labels: Columns, formulas: Mapping[str, str], *, units_known: bool) -> None:
    """Units and mixtures that make the whole table unusable.

    Args:
        values: Columns by variable; ``loss`` among them.
        labels: Text by label.
        formulas: Column or formula by variable.
        units_known: Whether the file states its units, so that small numbers are of small runs.

    Raises:
        ConfigError: A column is in another unit, or rows are of two tokenizers or data sets.
    """
    for name, column in values.items():
        if kind_of(name) in UNITS and len(column) and not np.isnan(column).all():
            smallest, largest, unit = UNITS[kind_of(name)]
            top, bottom = np.nanmax(column), np.nanmin(column)
            large = units_known or top >= smallest
            require(large, name, f"in {unit} (scale it: {name}=COLUMN*1e9)", f"at most {top:g}")
            require(bottom <= largest, name, f"in {unit}", f"at least {bottom:g}")
    formula = formulas["loss"]
    if PERPLEXITY.search(formula) and "log" not in formula:
        raise ConfigError(
            f"loss: must be in nats per token, got {formula}, a perplexity by its name (take its logarithm: "
            f"loss=log({formula}))"
        )
    if len(values["loss"]):
        middle = np.nanmedian(values["loss"]) if not np.isnan(values["loss"]).all() else np.nan
        hint = f"in nats per token (a perplexity is exp of it: loss=log({formula}))"
        require(not middle > LARGEST_LOSS, "loss", hint, f"{middle:g}")
    for name in ONE_OF_A_KIND:
        kinds = sorted(set(labels.get(name, ())))
        require(len(kinds) < 2, name, f"one in all rows (take some: where=\"{name} == '…'\")", ", ".join(kinds))


def bad_rows(values: Columns, labels: Columns, *, units_known: bool) -> dict[int, str]:
    """Why a row cannot be used, by row: unfinished, not a number, in another unit, or there already.

    Units are looked at where the file does not state them.
    """
    reasons: dict[int, str] = {}
    # the status first: why a run ended early says more than the loss that it therefore has not
    for row, status in enumerate(labels.get("status", ())):
        if status.lower() not in FINISHED:
            reasons.setdefault(row, f"status is {status}")
    for name, column in values.items():
        for bad in np.flatnonzero(unusable(name, column)):
            reasons.setdefault(int(bad), f"{name} is {column[bad]:g}")
    of_other_units = () if units_known else (_far_rows(values), _far_ratios(values))
    for found in of_other_units:  # a ratio does not say which of its columns is wrong
        for row, reason in found.items():
            reasons.setdefault(row, reason)
    for row in np.flatnonzero(values["loss"] > LARGEST_LOSS).tolist():
        loss = values["loss"][row]
        reasons.setdefault(int(row), f"loss is {loss:g} (a perplexity? its logarithm is {np.log(loss):.4g})")
    told_apart = [labels[name] for name in ("run", "seed") if name in labels] + list(values.values())
    for row in exact_repeats(told_apart):
        reasons.setdefault(int(row), "repeats an earlier row in every value")
    return reasons


def _far_rows(values: Columns) -> dict[int, str]:
    """Rows whose size, tokens or FLOPs are in another unit than those of the others."""
    reasons: dict[int, str] = {}
    for name, column in values.items():
        if kind_of(name) not in UNITS:
            continue
        smallest, largest, _ = UNITS[kind_of(name)]
        middle, log = _decades(column)
        far = (np.abs(log - middle) > FAR_DECADES[kind_of(name)]) | (column < smallest) | (column > largest)
        for row in np.flatnonzero(far & np.isfinite(log)).tolist():
            off = min(PREFIXES, key=lambda power: abs(abs(middle - log[row]) - power))
            guess = f"in {PREFIXES[off]}" if log[row] < middle else f"1e{off} times too large"
            reasons.setdefault(
                int(row),
                f"{name} is {column[row]:g} where half of the rows have {10**middle:.2g} or more: {guess}?",
            )
    return reasons


def _far_ratios(values: Columns) -> dict[int, str]:
    """Rows whose tokens per parameter, or FLOPs over 6·N·D, are of another order than those of the others."""
    params = values.get("N_act", values.get("N"))
    if params is None or "D" not in values:
        return {}
    with np.errstate(all="ignore"):
        ratios = {"D/N": values["D"] / params}
        if "C" in values:
            ratios["C/(6·N·D)"] = values["C"] / (TRAIN_FLOPS_PER_PARAM_TOKEN * params * values["D"])
    reasons: dict[int, str] = {}
    for name, ratio in reversed(ratios.items()):
        middle, log = _decades(ratio)
        for row in np.flatnonzero(np.abs(log - middle) > FAR_RATIO_DECADES[name]).tolist():
            words = (
                f"{name} is 1e{log[row] - middle:+.0f} times that of the other rows: one of them in another unit?"
            )
            reasons.setdefault(int(row), words)
    return reasons


def _decades(column: np.ndarray) -> tuple[float, np.ndarray]:
    """The median of log10 over the rows that have one, and log10 of all (NaN where there is none)."""
    with np.errstate(all="ignore"):
        log = np.log10(column)
    log[~np.isfinite(log)] = np.nan
    return (float(np.nanmedian(log)) if not np.isnan(log).all() else 0.0), log
