"""The searches of Yun 2024 as reference solvers over all shapes of a pool, asked of laws that are published.

The budget is its own, 6·N·D with N of the dense twin without embeddings, so that further experts train for
nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimoe.core.errors import InfeasibleError
from optimoe.planner.designs import Column, Pool


@dataclass(frozen=True, kw_only=True)
class YunDesign:
    """One design of a pool and its training.

    Attributes:
        index: Its place in the pool.
        params: Parameters of its dense twin, without embeddings: Yun's N.
        loss: Nats per token.
        usd_per_mtok: Its serving price; infinite where no number of GPUs holds it.
        flops: Its training, 6·N·D.
    """

    index: int
    params: float
    loss: float
    usd_per_mtok: float
    flops: float


def loss_optimal(pool: Pool) -> YunDesign:
    """The lowest loss of the budget.

    Raises:
        InfeasibleError: The law may rank no design of the family.
    """
    _require_ranked(pool)
    return _design(pool, int(np.where(pool.possible, losses(pool), np.inf).argmin()))


def equal_loss(pool: Pool, loss: float) -> YunDesign:
    """The loss-optimal design at a loss: that which reaches it with the least training, whatever the budget.

    It may be too large for every number of GPUs, and its price infinite then: which sizes are best for the loss
    does not hang on where they are served.

    Raises:
        InfeasibleError: The law may rank no design of the family, or none reaches the loss.
    """
    _require_ranked(pool)
    flops = np.where(pool.ranked, pool.problem.training.flops(pool.params_active, pool.tokens(loss)), np.inf)
    index = int(flops.argmin())
    if not np.isfinite(flops[index]):
        raise InfeasibleError(f"loss: {loss:.4f} is reached by no {pool.family.num_experts} experts")
    return YunDesign(
        index=index,
        params=float(pool.params_active[index]),
        loss=loss,
        usd_per_mtok=float(pool.usd_per_mtok[index]),
        flops=float(flops[index]),
    )


@dataclass(frozen=True, kw_only=True)
class YunFront:
    """Designs of a pool in rising order of size or price, each of a lower loss than all before, as they bisect.

    Between two neighbours ln N and ln price are linear in the loss, as they interpolate theirs.

    Attributes:
        params, usd_per_mtok, loss: Of each design, the whole budget spent.
    """

    params: Column
    usd_per_mtok: Column
    loss: Column

    def at_loss(self, loss: float) -> tuple[float, float]:
        """Size and price where the loss is reached.

        Raises:
            InfeasibleError: It is not reached in this budget.
        """
        if not len(self.loss) or loss < self.loss[-1]:
            raise InfeasibleError(f"loss: {loss:.4f} is not reached in this budget")
        return self._between(self.loss[::-1], self.params[::-1], loss), self._between(
            self.loss[::-1], self.usd_per_mtok[::-1], loss
        )

    def at_price(self, usd_per_mtok: float) -> tuple[float, float]:
        """Size and loss of the best that is served for so much.

        Raises:
            InfeasibleError: No design is served for so little.
        """
        if not len(self.loss) or usd_per_mtok < self.usd_per_mtok[0]:
            raise InfeasibleError(f"usd_per_mtok: {usd_per_mtok:.3g}: no design is served for so little")
        prices, price = np.log(self.usd_per_mtok), float(np.log(usd_per_mtok))
        return self._between(prices, self.params, price), float(np.interp(price, prices, self.loss))

    def _between(self, rising: Column, values: Column, at: float) -> float:
        return float(np.exp(np.interp(at, rising, np.log(values))))


def front_by_size(pool: Pool) -> YunFront:
    """The designs that no smaller one beats: where their first search looks."""
    return _front(pool, pool.params_active)


def front_by_price(pool: Pool) -> YunFront:
    """The designs that none served for less beats: where their second search looks."""
    return _front(pool, pool.usd_per_mtok)


def _front(pool: Pool, key: Column) -> YunFront:
    reached = np.where(pool.possible, losses(pool), np.inf)
    order = np.lexsort((reached, key))
    lowest_before = np.append(np.inf, np.minimum.accumulate(reached[order])[:-1])
    kept = order[reached[order] < lowest_before]
    return YunFront(params=pool.params_active[kept], usd_per_mtok=pool.usd_per_mtok[kept], loss=reached[kept])


def found(search: Callable[[], YunDesign]) -> YunDesign | None:
    """What a search finds; None where no design does it."""
    try:
        return search()
    except InfeasibleError:
        return None


def losses(pool: Pool) -> Column:
    """The loss of every design after the whole budget."""
    return pool.loss(pool.affordable_tokens)


def _require_ranked(pool: Pool) -> None:
    if not pool.ranked.any():
        raise InfeasibleError(f"law {pool.problem.law.row.name}: {pool.standing.reason}")


def _design(pool: Pool, index: int) -> YunDesign:
    return YunDesign(
        index=index,
        params=float(pool.params_active[index]),
        loss=float(losses(pool)[index]),
        usd_per_mtok=float(pool.usd_per_mtok[index]),
        flops=pool.problem.training.budget_flops,
    )
