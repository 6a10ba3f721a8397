"""One law, budget and setting of Yun 2024's question, with what its searches find: many claims ask the same."""

from dataclasses import dataclass
from functools import cache

from optimoe.planner.designs import Pool
from optimoe.planner.published.yun.pools import with_budget, yun_pools
from optimoe.planner.published.yun.searches import (
    YunDesign,
    YunFront,
    equal_loss,
    front_by_price,
    front_by_size,
    loss_optimal,
)
from optimoe.planner.published.yun.setting import EXPERTS, PAPER, ROUTED_ONLY, YunSetting, yun_law


@dataclass(frozen=True, kw_only=True)
class YunCase:
    """A law by name, a training budget in FLOPs, and how designs are made and priced."""

    law: str
    budget: float
    setting: YunSetting = PAPER

    @property
    def ranked(self) -> tuple[int, ...]:
        """Numbers of experts that the law ranks by its own domain: no dense models by a law of MoEs."""
        return tuple(experts for experts in EXPERTS if experts > 1 or self.law != ROUTED_ONLY)

    def pool(self, experts: int) -> Pool:
        """The priced designs of a number of experts."""
        return _pool(self, experts)

    def best(self, experts: int) -> YunDesign:
        """The loss-optimal one of them."""
        return _best(self, experts)

    def by_size(self, experts: int) -> YunFront:
        """The designs that no smaller one beats."""
        return _by_size(self, experts)

    def by_price(self, experts: int) -> YunFront:
        """The designs that none served for less beats."""
        return _by_price(self, experts)

    def training_share(self, experts: int, other: int, loss: float) -> float:
        """FLOPs with which they reach a loss over those of others, each at its own best size."""
        return equal_loss(self.pool(experts), loss).flops / equal_loss(self.pool(other), loss).flops


@cache
def _pools(law: str, setting: YunSetting) -> dict[int, Pool]:
    return yun_pools(1.0, yun_law(law), setting)  # the budget is replaced


@cache
def _pool(case: YunCase, experts: int) -> Pool:
    return with_budget(_pools(case.law, case.setting)[experts], case.budget)


@cache
def _best(case: YunCase, experts: int) -> YunDesign:
    return loss_optimal(case.pool(experts))


@cache
def _by_size(case: YunCase, experts: int) -> YunFront:
    return front_by_size(case.pool(experts))


@cache
def _by_price(case: YunCase, experts: int) -> YunFront:
    return front_by_price(case.pool(experts))
