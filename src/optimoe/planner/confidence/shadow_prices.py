"""What every limit costs: dollars and nats that a little more of it would save."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.serving.estimate import Deployment
from optimoe.planner.confidence.draws.lineup import Lineup
from optimoe.planner.confidence.draws.money import as_stated
from optimoe.planner.confidence.served_anew import in_twice_the_box, served_also
from optimoe.planner.pricing import SHARED, PricedGrids
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import BUDGET_TOLERANCE, Training
from optimoe.planner.result import Plan
from optimoe.planner.search.objective import judged

SMALL, USUAL = 0.02, 0.2
"""Shares by which a limit is relaxed: near a derivative, as far as whole designs allow, and what one would
negotiate (assumed)."""

SMALL_LOSS, USUAL_LOSS = 0.001, 0.01
"""The same of a loss: the last is the usual slack of a plan."""

TWICE = 1.0
"""The same of the GPUs of a deployment, which double: layouts of other numbers are not searched."""

MS_PER_S, TOKENS_PER_BILLION, BYTES_PER_GIB = 1e3, 1e9, 2.0**30


Change = Callable[[Problem, float], Problem]


@dataclass(frozen=True, kw_only=True)
class Relaxed:
    """What some more of a limit gains.

    Attributes:
        by: How much more, in the limit's unit.
        usd: Dollars saved at the choice's loss.
        nats: By how much the lowest loss falls; NaN where nothing bounds it.
    """

    by: float
    usd: float
    nats: float


@dataclass(frozen=True, kw_only=True)
class ShadowPrice:
    """The worth of one limit, by finite differences over the designs that the plan looked at.

    Attributes:
        limit: Its name.
        unit: Such as ``ms``.
        stated: What it is, in that unit.
        small: Relaxed by 2 %; GPUs of a deployment by as many again.
        usual: Relaxed by 20 %; GPUs of a deployment by as many again.
    """

    limit: str
    unit: str
    stated: float
    small: Relaxed
    usual: Relaxed

    @property
    def binds(self) -> bool:
        """Whether a usual change of it gains anything."""
        return self.usual.usd > 0 or self.usual.nats > 0

    @property
    def usd_per_unit(self) -> float:
        """Dollars for one more unit, over the usual change: the small one may meet no other design."""
        return self.usual.usd / self.usual.by

    @property
    def nats_per_unit(self) -> float:
        """Nats for one more unit, over the usual change."""
        return self.usual.nats / self.usual.by


@dataclass(frozen=True, kw_only=True)
class _Limit:
    """A limit with the line-up under more of it, and the loss, by the share that it is relaxed by: one of two."""

    name: str
    unit: str
    stated: float
    relaxed: Callable[[float], Lineup]
    loss: Callable[[float], float] | None = None
    shares: tuple[float, float] = (SMALL, USUAL)


def shadow_prices(result: Plan, lineup: Lineup, memory: PricedGrids = SHARED) -> tuple[ShadowPrice, ...]:
    """The worth of every limit that a problem states, those that bind first.

    Dollars are those of the cheapest design at the choice's loss, nats those of the lowest loss within the limits;
    both over the same designs with and without more of the limit. Where a limit on serving moves, few designs are
    served anew on one deployment: its worth is this much or more.

    Args:
        result: The plan.
        lineup: Its designs, the choice last.
        memory: Grids that were priced before.
    """
    loss, base = result.choice.loss.value, _outcome(result, lineup, result.choice.loss.value)

    def gained(limit: _Limit, share: float) -> Relaxed:
        usd, nats = _outcome(result, limit.relaxed(share), limit.loss(share) if limit.loss else loss)
        by = limit.stated * share
        gains = np.maximum(np.subtract(base, (usd, nats)), 0.0)  # NaN of what nothing bounds stays
        return Relaxed(by=by, usd=float(gains[0]), nats=float(gains[1]))

    found = []
    for limit in (*_of_budget(result, lineup), *_of_serving(result, lineup, memory)):
        little, more = limit.shares
        usual = gained(limit, more)
        nothing = Relaxed(by=limit.stated * little, usd=0.0, nats=0.0 * usual.nats)
        small = gained(limit, little) if usual.usd > 0 or usual.nats > 0 else nothing
        found.append(ShadowPrice(limit=limit.name, unit=limit.unit, stated=limit.stated, small=small, usual=usual))
    return tuple(sorted(found, key=lambda price: (not price.binds, -price.usual.usd, -price.usual.nats)))


def _outcome(result: Plan, lineup: Lineup, loss: float) -> tuple[float, float]:
    """Least dollars at a loss, and the lowest loss within the limits; NaN where nothing bounds that."""
    goal, dollars = lineup.problem.goal, lineup.dollars(as_stated(lineup.problem))
    own = result.problem.goal
    count = "total" if isinstance(own, LowestLoss) else own.count
    least = judged(lineup, LeastCost(max_loss=loss * (1 + BUDGET_TOLERANCE), count=count), dollars)[1].min()
    lowest = goal if isinstance(goal, LowestLoss) else LowestLoss()
    bounded = lineup.problem.training.bounded or np.isfinite(lowest.total_usd)
    return float(least), float(judged(lineup, lowest, dollars)[1].min()) if bounded else math.nan


def _of_budget(result: Plan, lineup: Lineup) -> Iterator[_Limit]:
    """Limits that no price of serving depends on."""
    problem, goal, training = result.problem, result.problem.goal, result.problem.training

    def under(change: Change) -> Callable[[float], Lineup]:
        return lambda share: replace(lineup, problem=change(problem, 1 + share))

    more_hours = under(lambda asked, more: replace(asked, training=_longer(training, more)))
    if math.isfinite(training.budget_gpu_s):
        if training.run is not None:
            gpus = training.run.cluster.num_gpus
            days = training.budget_gpu_s / gpus / SECONDS_PER_DAY
            yield _Limit(name="training time", unit="day", stated=days, relaxed=more_hours)
            yield _Limit(name="training GPUs", unit="GPU", stated=gpus, relaxed=more_hours)
        if training.price.usd_per_gpu_s > 0:
            usd = training.budget_gpu_s * training.price.usd_per_gpu_s
            yield _Limit(name="training budget", unit="$1,000", stated=usd / 1e3, relaxed=more_hours)
    if math.isfinite(training.budget_flops):
        more = under(
            lambda asked, more: replace(
                asked, training=replace(training, budget_flops=more * training.budget_flops)
            )
        )
        yield _Limit(name="training FLOPs", unit="1e21 FLOP", stated=training.budget_flops / 1e21, relaxed=more)
    if math.isfinite(problem.data.unique_tokens):
        data = problem.data
        more = under(
            lambda asked, more: replace(asked, data=replace(data, unique_tokens=more * data.unique_tokens))
        )
        stated = data.unique_tokens / TOKENS_PER_BILLION
        yield _Limit(name="training tokens at hand", unit="billion tokens", stated=stated, relaxed=more)
    if isinstance(goal, LowestLoss):
        yield from _of_goal(goal, under)
    else:
        loss = result.choice.loss.value
        yield _Limit(
            name="loss",
            unit="0.01 nats",
            stated=loss / 0.01,
            relaxed=lambda share: lineup,
            loss=lambda share: loss * (1 + share),
            shares=(SMALL_LOSS, USUAL_LOSS),
        )


def _longer(training: Training, more: float) -> Training:
    """A training with so many times the GPU hours."""
    return replace(training, budget_gpu_s=more * training.budget_gpu_s)


def _of_goal(goal: LowestLoss, under: Callable[[Change], Callable[[float], Lineup]]) -> Iterator[_Limit]:
    """Limits of dollars that a goal states."""
    total, per_mtok = float(goal.total_usd), float(goal.usd_per_mtok)
    if math.isfinite(total):
        more = under(lambda problem, more: replace(problem, goal=replace(goal, total_usd=more * total)))
        yield _Limit(name="total dollars", unit="$1,000", stated=total / 1e3, relaxed=more)
    if math.isfinite(per_mtok):
        more = under(lambda problem, more: replace(problem, goal=replace(goal, usd_per_mtok=more * per_mtok)))
        yield _Limit(name="serving price", unit="cent per M tokens", stated=per_mtok * 100, relaxed=more)


def _of_serving(result: Plan, lineup: Lineup, memory: PricedGrids) -> Iterator[_Limit]:
    """Limits under which the designs nearest to the choice are served anew, on the choice's kind of deployment."""
    deployment = result.choice.deployment
    limits, cluster = deployment.limits, deployment.cluster
    accelerator = cluster.accelerator

    def on(change: Callable[[float], Sequence[Deployment]]) -> Callable[[float], Lineup]:
        return lambda share: served_also(result, lineup, change(1 + share), memory)

    for name, field in (("TPOT", "tpot_s"), ("TTFT", "ttft_s")):
        stated = getattr(limits, field)
        if math.isfinite(stated):
            more = on(
                lambda more, field=field, stated=stated: [  # type: ignore[misc]
                    replace(deployment, limits=replace(limits, **{field: more * stated}))
                ]
            )
            yield _Limit(name=name, unit="ms", stated=stated * MS_PER_S, relaxed=more)
    memory_bytes = accelerator.memory_bytes
    larger_gpu = on(
        lambda more: [
            replace(
                deployment,
                cluster=replace(cluster, accelerator=replace(accelerator, memory_bytes=more * memory_bytes)),
            )
        ]
    )
    gib = memory_bytes / BYTES_PER_GIB
    yield _Limit(name="memory of a serving GPU", unit="GiB", stated=gib, relaxed=larger_gpu)
    twice = in_twice_the_box(result.problem.deployments, accelerator.name)
    if twice:
        yield _Limit(
            name="GPUs of a serving deployment",
            unit="GPU",
            stated=twice[0].cluster.num_gpus / 2,
            relaxed=on(lambda _: twice),
            shares=(TWICE, TWICE),
        )
