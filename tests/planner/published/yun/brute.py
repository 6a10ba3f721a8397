"""The two searches of Yun 2024 over all shapes as they are, none in between: what the planner is held against."""

import numpy as np

from optimoe.core.errors import InfeasibleError
from optimoe.planner.designs import Pool
from optimoe.planner.published.yun.searches import YunDesign, losses


def equal_quality(pool: Pool, loss: float) -> YunDesign:
    """The smallest design that reaches a loss with the whole budget: over-trained. Their first search.

    They bisect on N, which supposes that the loss falls with N up to the optimum; here all shapes are looked at.

    Raises:
        InfeasibleError: No design of the family reaches it.
    """
    reached = pool.possible & (losses(pool) <= loss)
    if not reached.any():
        raise InfeasibleError(
            f"loss: {loss:.4f} is not reached with {pool.family.num_experts} experts in this budget"
        )
    return design_at(pool, int(np.where(reached, pool.params_active, np.inf).argmin()))


def equal_cost(pool: Pool, usd_per_mtok: float) -> YunDesign:
    """The lowest loss of designs that are served for so much, trained on the whole budget. Their second search.

    Raises:
        InfeasibleError: No design of the family is served for so little.
    """
    kept = pool.possible & (pool.usd_per_mtok <= usd_per_mtok)
    if not kept.any():
        raise InfeasibleError(
            f"usd_per_mtok: {usd_per_mtok:.3g} is below every design of {pool.family.num_experts} experts"
        )
    return design_at(pool, int(np.where(kept, losses(pool), np.inf).argmin()))


def design_at(pool: Pool, index: int) -> YunDesign:
    """A design of a pool, the whole budget spent."""
    return YunDesign(
        index=index,
        params=float(pool.params_active[index]),
        loss=float(losses(pool)[index]),
        usd_per_mtok=float(pool.usd_per_mtok[index]),
        flops=pool.problem.training.budget_flops,
    )
