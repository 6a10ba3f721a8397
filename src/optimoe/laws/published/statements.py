"""Statements of papers that take more than one output of a law."""

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.claims import Asked, Range, printed_value
from optimoe.laws.catalog import find_law
from optimoe.laws.check import find_opted_in
from optimoe.laws.datasets import joined, load_routing_points

BUDGETS_FLOPS = np.logspace(18, 21, 13)
"""Budgets of Li's runs, up to the largest; below 1e18 no run is stated."""
SHARES = np.logspace(np.log10(0.02), 0, 2001)
"""Active shares from Abnar's sparsest runs (S = 0.98) to dense."""


def li_rederived(asked: Asked) -> float:
    """A coefficient of r*, found again from a table of r* and the printed sparsities.

    r* over budgets and expert counts gives α_r and β_r by a line of ln r* on ln C for each count; lines of ln α_r
    and ln β_r on ln(1 − S), with S as printed, give α0, α1, β0, β1. Inputs: ``sparsities``, printed S by E.
    """
    law = find_opted_in(asked.law)
    active, factors, exponents = [], [], []
    for experts, printed in asked.inputs["sparsities"].items():
        ratios = law.evaluate("r_star", {"E": float(experts), "C": BUDGETS_FLOPS})
        slope, intercept = np.polyfit(np.log(BUDGETS_FLOPS), np.log(ratios), 1)
        active.append(np.log(1 - printed_value(printed)))
        factors.append(intercept)
        exponents.append(np.log(slope))
    found: dict[str, float] = {}
    for name, column in (("alpha", factors), ("beta", exponents)):
        slope, intercept = np.polyfit(active, column, 1)
        found |= {f"{name}1": float(slope), f"{name}0": float(np.exp(intercept))}
    return found[asked.output]


def li_range(asked: Asked) -> Range:
    """Lowest and highest r* of a number of experts between two budgets: it rises with the budget."""
    ends = [
        float(find_opted_in(asked.law).evaluate("r_star", {"E": float(asked.inputs["E"]), "C": float(flops)}))
        for flops in asked.inputs["budgets_flops"]
    ]
    return min(ends), max(ends)


def li_values(asked: Asked) -> float:
    """FLOPs of the product of scores and values over those of the scores, 2n²d: attention less its projections."""
    law, n, d = find_opted_in(asked.law), float(asked.inputs["n"]), float(asked.inputs["d"])
    scores, projections = 2 * n**2 * d, 8 * n * d**2
    return float((law.evaluate("C_attention_standard", asked.inputs) - projections - scores) / scores)


def clark_largest_step(asked: Asked) -> float:
    """Largest L(E')/L(E) between neighbouring numbers of experts, at every size of the law's router's runs.

    Dense runs are E = 1; numbers that were run twice at a size count by the mean of log L.
    """
    router = find_law(asked.law).row.runs["router"]
    runs = joined(load_routing_points("Dense"), load_routing_points(router))
    steps = []
    for params in np.unique(runs.params):
        same = runs.params == params
        _, group = np.unique(np.maximum(runs.experts[same], 1), return_inverse=True)
        mean = np.bincount(group, weights=runs.log10_loss[same]) / np.bincount(group)
        steps.append(np.diff(mean).max(initial=-np.inf))
    return float(10.0 ** max(steps))


def abnar_best_active_share(asked: Asked) -> float:
    """Best active share 1 − S of a size at a budget, over that of another size: both with C = 6·N·(1 − S)·D.

    Inputs: ``C``; ``of`` and ``to``, total parameters.
    """
    law, flops = find_opted_in(asked.law), float(asked.inputs["C"])

    def best(params: float) -> float:
        tokens = flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params * SHARES)
        losses = law.evaluate("L", {"N": params, "D": tokens, "S": 1 - SHARES})
        return float(SHARES[int(np.argmin(losses))])

    return best(float(asked.inputs["of"])) / best(float(asked.inputs["to"]))
