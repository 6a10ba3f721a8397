"""The domain of a fit: what the columns of its runs say about them."""

from collections.abc import Mapping

import numpy as np

from optimoe.laws.domain.judge import Domain
from optimoe.laws.domain.traits import NEAR, Span
from optimoe.laws.runs import Observations

RUN_COLUMNS = {
    "top_k": ("k", "K", "top_k"),
    "granularity": ("G", "granularity"),
    "num_shared_experts": ("shared", "num_shared_experts"),
}
"""Names by which a table's columns state a trait."""


def domain_of_runs(runs: Observations) -> Domain:
    """What the runs of a table were, from the columns that it has.

    ``E`` (or ``num_experts``), ``k`` (``K``, ``top_k``), ``G`` (``granularity``, 4·d/d_expert), ``shared``
    (``num_shared_experts``) and ``N_total`` beside ``N_act`` are taken by their names; a trait without a column is
    unknown. Rows of one expert are dense, and count in no span of routed designs.
    """
    columns = _renamed(runs.variables)
    experts = next((columns[name] for name in ("E", "num_experts") if name in columns), None)
    total, active = columns.get("N_total"), columns.get("N_act")
    expansion = total / active if total is not None and active is not None else None
    told = experts if experts is not None else expansion
    if told is None:
        models, routed = "unknown", np.ones(len(runs), dtype=bool)
    else:
        routed = told > 1 + NEAR
        models = "both" if 0 < routed.sum() < len(runs) else "routed" if routed.any() else "dense"
    spans: dict[str, Span] = {"num_experts": _span(experts, routed), "expansion": _span(expansion, routed)}
    for trait, names in RUN_COLUMNS.items():
        spans[trait] = _span(next((columns[name] for name in names if name in columns), None), routed)
    params = active if active is not None or models in ("routed", "both") else columns.get("N")
    if params is not None and "D" in columns:
        spans["tokens_per_param"] = _span(columns["D"] / params, np.ones(len(runs), dtype=bool))
    return Domain(models=models, source=f"the columns of {runs.source}", **spans)  # type: ignore[arg-type]


def _renamed(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns by the names used here: beside Zhao's N_a, N is the total, G counts active experts, S is shared."""
    named = dict(columns)
    if "N_a" in columns:
        named |= {"N_act": columns["N_a"], "N_total": columns["N"]}
        if "G" in columns:
            shared = named.pop("G") * columns.get("S", np.zeros(len(columns["G"])))
            named |= {"shared": shared, "k": columns["G"] - shared}
    return named


def _span(column: np.ndarray | None, rows: np.ndarray) -> Span:
    if column is None or not rows.any():
        return ()
    return float(column[rows].min()), float(column[rows].max())
