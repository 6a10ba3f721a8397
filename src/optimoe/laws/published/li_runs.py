"""Synthetic runs on the grid of Li 2026 (arXiv 2603.10379, Table 2), of which its figures are made.

**None of these losses was measured, and no coefficient of theirs is the paper's** but the four of its rule for r*,
which are planted so that the figures can be held against something known.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.laws.catalog import find_family, find_published_law
from optimoe.laws.law import Law, LawRow
from optimoe.laws.runs import Observations

EXPERTS = (16, 32, 64, 128)
SHARED, TOP_K = 1, 2
"""Routed experts, and the shared one and two routed ones that a token uses (Table 2)."""
ACTIVE_PARAMS = (2e7, 3e7, 5.5e7, 1e8, 2e8)
"""The sizes of Table 2, 20M to 200M active."""
RATIOS = (0.2, 0.3, 0.42, 0.6, 0.82, 1.1, 1.5)
"""Between the ends that Table 2 states, in about equal steps of ln r; the steps of the paper are not printed."""
BUDGETS_FLOPS = (1e18, 1e19, 1e20, 1e21)
"""Decades up to the largest budget of the paper; it prints no list."""
NOISE_LOG = 1e-3
"""Assumed standard deviation of ln L between seeds: about what repeated small runs scatter by. Li has no seeds."""
MADE_UP = {
    **{"a": 60.0, "alpha": 0.3, "b": 300.0, "beta": 0.28, "c": 10.0, "gamma": 0.2, "lambda_": 0.15},
    **{"kappa": 0.06, "d": 0.004, "tau": 1.6},
}
"""Assumed, of no paper: losses of 2 to 3 nats, and a valley that rises by 0.02 to 0.03 nats at a factor e off r*,
which runs can see through their scatter. γ and d have the paper's signs."""


@dataclass(frozen=True, kw_only=True)
class TrainingCurve:
    """One synthetic run on the way: tokens and losses of its checkpoints.

    Attributes:
        observations: N, D, S, r and C at each checkpoint, labelled by run.
        schedule_nats: What the learning rate that has not decayed adds to each loss.
    """

    observations: Observations
    schedule_nats: Float[np.ndarray, " points"]


@cache
def true_law() -> Law:
    """The law that the synthetic runs lie on: the form ``li2026`` with made-up coefficients and the printed r*."""
    rule = find_published_law("li2026-rstar").row.coefficients
    row = LawRow(
        name="synthetic",
        family="li2026",
        source="made up (optimoe.laws.published.li_runs)",
        status="fitted",
        n_convention="active_nonembedding",
        coefficients=MADE_UP | rule,
    )
    return find_family("li2026")(row)  # type: ignore[return-value]


@cache
def synthetic_runs(seed: int = 0) -> Observations:
    """All sizes, ratios, expert counts and budgets of the grid, with noise on ln L.

    N counts active parameters (C = 6·N·D): at fixed FLOPs it does not change with r, so that the valley of the
    loss along r is at r* but for what d moves it. N_total is there for the laws that count it.
    """
    grid = np.meshgrid(EXPERTS, ACTIVE_PARAMS, BUDGETS_FLOPS, RATIOS, indexing="ij")
    experts, params, flops, ratio = (column.ravel().astype(float) for column in grid)
    share = (TOP_K + SHARED) / (experts + SHARED)
    columns = {
        "N": params,
        "N_total": params * (1 + ratio / share) / (1 + ratio),
        "D": flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params),
        "C": flops,
        "E": experts,
        "S": 1 - share,
        "r": ratio,
    }
    exact = np.asarray(true_law().evaluate("L", {name: columns[name] for name in ("N", "D", "S", "r", "C")}))
    noise = NOISE_LOG * np.random.default_rng(seed).standard_normal(len(exact))
    return Observations(variables=columns, loss=exact * np.exp(noise), source="synthetic runs")
