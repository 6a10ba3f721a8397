"""Synthetic runs on the grid of Li 2026 (arXiv 2603.10379, Table 2), of which its figures are made.

**None of these losses was measured, and no coefficient of theirs is the paper's** but the four of its rule for r*,
which are planted so that the figures can be held against something known.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.laws.catalog import find_family, find_published_law
from optimoe.laws.law import Law, LawRow
from optimoe.laws.runs import Observations
from optimoe.laws.terms.ratio import total_of_active

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
    """One run on the way: tokens and losses of its checkpoints.

    Attributes:
        run: Its name.
        observations: N, D, S, r and C at each checkpoint, labelled by run.
        notes: What its losses are made of; empty for a measured one.
    """

    run: str
    observations: Observations
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CurveRun:
    """The design and length of the run behind a synthetic curve.

    Attributes:
        params: Active parameters.
        params_total: All of them.
        experts: Routed experts.
        tokens: At its end.
        checkpoints: How many.
        cooldown_share: Part of the tokens over which the learning rate falls to zero.
        rate_nats: What an undecayed learning rate adds to the loss.
    """

    params: float
    params_total: float
    experts: int
    tokens: float
    checkpoints: int
    cooldown_share: float
    rate_nats: float


CURVE_RUN = CurveRun(
    params=3e7,
    params_total=5.5e8,
    experts=128,
    tokens=6e11,
    checkpoints=24,
    cooldown_share=0.2,
    rate_nats=0.03,
)
"""Fig. 4 has a model of 30M active of 550M parameters: at 129 experts that is r = 0.70. Assumed: 600B tokens, a
linear cooldown over the last fifth, and 0.03 nats above the law before it, about 1 % of the loss."""


@cache
def true_law() -> Law:
    """The law that the synthetic runs lie on: the form ``li2026`` with made-up coefficients and the printed r*."""
    rule = find_published_law("li2026-rstar").row.coefficients
    row = LawRow(
        name="synthetic",
        family="li2026",
        source="made up (optimoe.laws.published.li.runs)",
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
        "N_total": np.asarray(total_of_active(params, share, ratio)),
        "D": flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * params),
        "C": flops,
        "E": experts,
        "S": 1 - share,
        "r": ratio,
    }
    exact = np.asarray(true_law().evaluate("L", {name: columns[name] for name in ("N", "D", "S", "r", "C")}))
    noise = NOISE_LOG * np.random.default_rng(seed).standard_normal(len(exact))
    return Observations(variables=columns, loss=exact * np.exp(noise), source="synthetic runs")


@cache
def synthetic_curve(run: CurveRun = CURVE_RUN, seed: int = 1) -> TrainingCurve:
    """A training curve of the true law with noise, and above it what a learning rate adds that has not decayed."""
    share = (TOP_K + SHARED) / (run.experts + SHARED)
    over = run.params_total / run.params
    ratio = (over - 1) / (1 / share - over)  # from N_total/N_active = (1 + r/(1−S))/(1 + r)
    tokens = np.linspace(run.tokens / run.checkpoints, run.tokens, run.checkpoints)
    like = np.ones_like(tokens)
    columns = {
        "N": run.params * like,
        "D": tokens,
        "S": (1 - share) * like,
        "r": ratio * like,
        "C": TRAIN_FLOPS_PER_PARAM_TOKEN * run.params * tokens,
    }
    rate = np.clip((1 - tokens / run.tokens) / run.cooldown_share, 0, 1)
    exact = np.asarray(true_law().evaluate("L", columns))
    noise = NOISE_LOG * np.random.default_rng(seed).standard_normal(len(tokens))
    name = f"30M active of 550M, {run.experts} experts, r = {ratio:.2f}"
    observations = Observations(
        variables=columns,
        loss=(exact + run.rate_nats * rate) * np.exp(noise),
        labels={"run": np.array([name] * len(tokens), dtype=object)},
        source="synthetic curve",
    )
    assumed = (
        f"synthetic curve: the law of the runs, and {run.rate_nats:g} nats above it (assumed) until a linear "
        f"cooldown over the last {run.cooldown_share:.0%} of the tokens"
    )
    return TrainingCurve(run=name, observations=observations, notes=(assumed,))
