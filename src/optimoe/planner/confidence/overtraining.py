"""Loss against size around the optimum of a fixed training budget: what over-training costs, and what it saves.

At a fixed budget a smaller model trains on more tokens. Near its optimum the loss is flat in the size, and serving
is not: Yun et al. 2024 (arXiv 2404.02852, Sec. 5) train 16 and 32 experts at a fraction of their optimal size.
"""

from dataclasses import dataclass

import numpy as np

from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.result import Plan
from optimoe.planner.search.find import look
from optimoe.planner.search.objective import tokens_and_objective


@dataclass(frozen=True, kw_only=True)
class SizePoint:
    """One size of the choice's family, trained on the whole budget.

    Attributes:
        params_active: Active parameters, both embeddings included.
        tokens: Tokens that the budget affords.
        loss: Nats per token.
        usd_per_mtok: Its serving price.
    """

    params_active: float
    tokens: float
    loss: float
    usd_per_mtok: float


def size_curve(plan: Plan, memory: PricedGrids = SHARED) -> tuple[SizePoint, ...]:
    """Loss and price of the choice's family by size: of each width, the shape that is cheapest to serve.

    Empty without a training budget.
    """
    if not plan.problem.training.bounded:
        return ()
    looked = look(plan.problem, memory)
    listing = looked.listing
    own = np.array([family == plan.choice.family for family in listing.families])[listing.of_family]
    there = looked.where(np.flatnonzero(own))
    tokens, loss = tokens_and_objective(there, LowestLoss())
    prices, widths = there.usd_per_mtok, there.listing.shapes.d_model
    rows = [_cheapest(prices, np.flatnonzero(widths == width)) for width in np.unique(widths)]
    points = [
        SizePoint(
            params_active=float(there.params_active[row]),
            tokens=float(tokens[row]),
            loss=float(loss[row]),
            usd_per_mtok=float(prices[row]),
        )
        for row in rows
        if np.isfinite(loss[row])
    ]
    return tuple(sorted(points, key=lambda point: point.params_active))


def _cheapest(prices: np.ndarray, rows: np.ndarray) -> int:
    return int(rows[np.argmin(prices[rows])])
