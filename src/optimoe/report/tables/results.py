"""Results as columns of equal length, which become data frames."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from optimoe.arch.count import ArchCount
from optimoe.core.records import to_values
from optimoe.cost.serving.estimate import ServingEstimate
from optimoe.laws.fitting import Fit
from optimoe.loadtest.results.measurement import Measurement
from optimoe.planner.candidate import Candidate
from optimoe.planner.result import Plan, Scored
from optimoe.report.records.plan.candidate import candidate_record
from optimoe.report.records.served.measured import level_record

Columns = dict[str, list[Any]]


def plan_columns(plan: Plan) -> Columns:
    """Every design of a plan in a row: the choice, the lowest loss, others at its loss, the front, models named.

    ``role`` says which of them a row is, ``name`` whose model it is, where it has a name.
    """
    rows = [_design("choice", plan.choice)]
    if plan.lowest_loss is not None:
        rows.append(_design("lowest_loss", plan.lowest_loss))
    rows += [_design("alternative", item.candidate) for item in plan.alternatives if item.candidate]
    rows += [_design("front", member) for member in plan.front]
    for own in plan.scored:
        rows += [_design(role, one, own.spec.name) for role, one in _scored(own)]
    for reference in plan.labs:
        if (one := reference.scored.at_tokens) is not None:
            rows.append(_design("lab", one, reference.lab.title))
    return together(rows)


def scored_columns(scored: Scored) -> Columns:
    """A model of one's own in a row for each way to train it: to the choice's loss, on the budget, its tokens."""
    return together([_design(role, one, scored.spec.name) for role, one in _scored(scored)])


def record_columns(records: Iterable[Any]) -> Columns:
    """Records in a row each, parts under dotted names."""
    return together([dict(_flat(to_values(record))) for record in records])


def count_columns(counted: ArchCount) -> Columns:
    """One counted model in a row; parts of parameters, FLOPs and bytes under dotted names."""
    return record_columns([counted])


def measurement_columns(measured: Measurement) -> Columns:
    """The levels of a measurement, one in a row; latencies under dotted names."""
    rows = [to_values(level_record(level)) for level in measured.levels]
    flat = {"errors", "notes"}
    return together([dict(_flat({k: str(v) if k in flat else v for k, v in row.items()})) for row in rows])


def serving_columns(estimate: ServingEstimate) -> Columns:
    """An estimate in a row, or a grid with a row for each of its points, the last axis fastest."""
    layout = {name: value for name, value in vars(estimate.layout).items() if np.ndim(value) == 0 or value.size}
    named = {
        name: value
        for name, value in vars(estimate).items()
        if name not in ("layout", "parts", "run") and value is not None
    }
    parts = {f"parts.{name}": value for name, value in estimate.parts.items()}
    every = {**{f"layout.{name}": value for name, value in layout.items()}, **named, **parts}
    shaped = np.broadcast_arrays(*(np.asarray(value) for value in every.values()))
    return {name: column.ravel().tolist() for name, column in zip(every, shaped, strict=True)}


def fit_columns(fitted: Fit) -> Columns:
    """The coefficients of a law, one in a row, with where its best start began."""
    symbols = list(fitted.coefficients)
    return {
        "coefficient": symbols,
        "value": [float(fitted.coefficients[symbol]) for symbol in symbols],
        "start": [float(fitted.start[symbol]) if symbol in fitted.start else None for symbol in symbols],
        "at_bound": [symbol in fitted.at_bound for symbol in symbols],
    }


def together(rows: Iterable[Mapping[str, Any]]) -> Columns:
    """Rows as columns; what a row does not have is None."""
    found = list(rows)
    names = list(dict.fromkeys(name for row in found for name in row))
    return {name: [row.get(name) for row in found] for name in names}


def _scored(own: Scored) -> list[tuple[str, Candidate]]:
    at = {"scored": own.candidate, "scored_in_budget": own.in_budget, "scored_at_tokens": own.at_tokens}
    return [(role, one) for role, one in at.items() if one is not None]


def _design(role: str, candidate: Candidate, name: str = "") -> dict[str, Any]:
    return {"role": role, "name": name, **dict(_flat(to_values(candidate_record(candidate))))}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Numbers, words and flags of nested values, under dotted names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, str | int | float):
            yield f"{prefix}{name}", value
