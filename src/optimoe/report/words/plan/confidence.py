"""How sure a choice is and what would change it, in words."""

import math
from collections.abc import Sequence

from optimoe.core.units import format_count, format_usd
from optimoe.laws.domain import SPOKEN
from optimoe.planner.confidence.contending import Axis, Contending
from optimoe.planner.confidence.draws.contest import Chance
from optimoe.planner.confidence.over_laws import OverLaws
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.confidence.shadow_prices import ShadowPrice
from optimoe.planner.confidence.sweep_value import Bought
from optimoe.planner.confidence.swings import Moved
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.result import Plan
from optimoe.report.words.plan.alternatives import routing_words
from optimoe.report.words.plan.shapes import kind_words

SHOWN = 5
"""Numbers of experts whose shares are said; the rest together."""

ALL_BUT = 0.005
"""A share that one digit less would round to all of the draws, or to none."""


def robustness_sentences(plan: Plan, robustness: Robustness) -> list[str]:
    """How sure the choice is, and what would change it."""
    found = robustness.uncertainty
    if found is None:
        sentences = [f"how sure the law is cannot be said: {robustness.unknown}"]
    else:
        sentences = [_law_words(plan.problem, found)]
        sentences += [bought_words(found.bought)] if found.bought else []
        sentences += [sweep_words(found)] if found.sweep else []
    if robustness.contending is not None:
        sentences.append(contending_words(robustness.contending))
    if robustness.over_laws is not None:
        sentences += _over_laws_words(robustness.over_laws)
    money = robustness.over_money
    if money is not None and money.drawn:
        drawn = "; ".join(money.drawn)
        sentences.append(f"over draws of prices and demand the best is {shares_words(money.chances)} ({drawn})")
    if robustness.shadow_prices:
        sentences.append(limits_words(robustness.shadow_prices, "gpu_hours" if plan.problem.owned else "usd"))
    return sentences + _swing_words(plan, robustness)


def shares_words(chances: Sequence[Chance]) -> str:
    """How often each number of experts is the best: ``E = 32 in 61%, dense in 39%``."""
    said = [f"{kind_words(one.family.num_experts)} in {_share(one.probability)}" for one in chances[:SHOWN]]
    rest = sum(one.probability for one in chances[SHOWN:])
    return ", ".join(said + ([f"others in {_share(rest)}"] if rest else []))


def _share(share: float) -> str:
    """A share of draws in whole percent; one that is not all, or not nothing, never reads as that."""
    if 1 - ALL_BUT <= share < 1:
        return "over 99%"
    return "under 1%" if 0 < share <= ALL_BUT else f"{share:.0%}"


def _law_words(problem: Problem, found: Uncertainty) -> str:
    """The draws of the law: who is the best, whether the promise holds, what knowing would be worth."""
    words = f"in {found.draws} draws of the law the best is {shares_words(found.chances)}"
    if found.beyond:
        words += f" (drawn wider than its runs: {_beyond_words(found.beyond)})"
    if found.kept is not None:
        words += f"; the choice {_promise(problem)} in {_share(found.kept)}"
    regret = worth_words(found.mean_regret, found.unit)
    return f"{words}; to know the law exactly would save {regret} on average"


def _beyond_words(beyond: Sequence[str]) -> str:
    symbols = [SPOKEN.get(symbol, symbol) for symbol in beyond if symbol != "reading"]
    parts = [f"{', '.join(symbols)} beyond its range"] if symbols else []
    return ", ".join(parts + (["read by assumption"] if "reading" in beyond else []))


def _promise(problem: Problem) -> str:
    """What the goal asks of the loss."""
    goal = problem.goal
    assert not isinstance(goal, LowestLoss)  # which asks nothing
    if isinstance(goal, LeastCost):
        return f"reaches {float(goal.max_loss):g}"
    slack = [f"{100 * goal.loss_slack:.2g}%"] if goal.loss_slack else []
    slack += [f"{goal.slack_nats:g} nats"] if goal.slack_nats else []
    return f"is within {' and '.join(slack)} of the lowest loss" if slack else "has the lowest loss"


def sweep_words(found: Uncertainty) -> str:
    """What the proxies of winner/proxies.toml cost, what they are worth and what they settle."""
    assert found.sweep is not None
    sweep = found.sweep
    worth = worth_words(sweep.worth, found.unit) if sweep.worth > 0 else "nothing"
    cost = format_usd(sweep.usd) if sweep.usd else "no dollars"
    words = (
        f"the {sweep.num_runs} proxies of winner/proxies.toml cost {cost}; to decide after them "
        f"saves {worth} on average"
    )
    if math.isfinite(sweep.level_before):
        words += (
            f", and the loss is then known to {sweep.level_after:.1%} instead of {sweep.level_before:.1%} "
            "(one standard deviation, differences between corpora included)"
        )
    return words


def bought_words(bought: Bought) -> str:
    """What the runs behind the law have made surer."""
    runs = f"the {bought.num_runs} run{'s' * (bought.num_runs > 1)} behind the law"
    known = f"the loss of the choice is known to {bought.level_after:.1%} with them"
    return f"{runs}: {known}, to {bought.level_before:.1%} by {bought.law} without (one standard deviation)"


def contending_words(found: Contending) -> str:
    """The designs that contend with the choice, what they differ in and what is settled among them."""
    designs = f"{found.designs:,} of {found.of:,} designs ({found.share:.1%})"
    words = f"{designs} contend: draws of laws, prices and demand do not tell them from the choice"
    parts = []
    if found.open:
        parts.append(f"nine in ten have {', '.join(axis_words(axis) for axis in found.open)}")
    if found.settled:
        parts.append(f"settled: {', '.join(axis_words(axis) for axis in found.settled)}")
    return f"{words}: {'; '.join(parts)}" if parts else words


def axis_words(axis: Axis) -> str:
    """One thing that designs differ in, with what the contending ones have: ``E 64 – 256``, ``attention gqa``."""
    if axis.ranged:
        low, high = (format_count(float(end), 2) for end in axis.values)
        return f"{axis.name} {low} – {high}" if low != high else f"{axis.name} {low}"
    if all(isinstance(value, str) for value in axis.values):
        return f"{axis.name} {' or '.join(map(str, axis.values))}"
    low, high = f"{axis.values[0]:g}", f"{axis.values[-1]:g}"
    return f"{axis.name} {low} – {high}" if low != high else f"{axis.name} {low}"


def _over_laws_words(found: OverLaws) -> list[str]:
    """What other laws say, each by its own draws, and all of them counted alike."""
    if len(found.opinions) < 2:
        return []
    each = "; ".join(
        f"{one.law}{'' if one.drawn else ' (as published)'}: {shares_words(one.chances)}"
        for one in found.opinions[1:]
    )
    return [f"over {len(found.opinions)} laws, counted alike, the best is {shares_words(found.chances)}: {each}"]


def limits_words(prices: Sequence[ShadowPrice], unit: str = "usd") -> str:
    """What more of each limit is worth, and which of them do not bind."""
    binding = [limit_words(price, unit) for price in prices if price.binds]
    slack = [price.limit for price in prices if not price.binds]
    parts = [f"more of a limit is worth: {'; '.join(binding)}"] if binding else []
    if slack:
        parts.append(f"{', '.join(slack)} {'does' if len(slack) == 1 else 'do'} not bind")
    return "; ".join(parts)


def limit_words(price: ShadowPrice, unit: str = "usd") -> str:
    """One limit that binds: ``TPOT 50 → 60 ms $123,000 and 0.021 nats ($12,300 and 0.0021 nats per ms)``."""
    more, each = price.usual, _gain_words(price.usd_per_unit, price.nats_per_unit, unit)
    return f"{looser_words(price)} {_gain_words(more.usd, more.nats, unit)} ({each} per {price.unit})"


def looser_words(price: ShadowPrice) -> str:
    """A limit and by how much it is looser: ``TPOT 50 → 60 ms``."""
    low, high = (_end_words(end, price.unit) for end in (price.stated, price.stated + price.usual.by))
    return f"{price.limit} {low.split(' ')[0]} → {high}"


def _gain_words(usd: float, nats: float, unit: str) -> str:
    """Dollars and nats that are gained, those that are not left out."""
    worth = [worth_words(usd, unit)] if usd > 0 else []
    return " and ".join(worth + ([f"{nats:.2g} nats"] if nats > 0 else []))


def _end_words(end: float, unit: str) -> str:
    """A limit as one would state it, of a number in the unit of its worth."""
    match unit:
        case "0.01 nats":
            return f"{end / 100:.3f}"
        case "$1,000":
            return format_usd(end * 1e3)
        case "billion tokens":
            return format_count(end * 1e9)
        case "1e21 FLOP":
            return f"{end * 1e21:.3g} FLOP"
        case "cent per M tokens":
            return f"{end:.3g} cents per M tokens"
    several = {"day": "days", "GPU": "GPUs"}.get(unit, unit)
    return f"{end:,.0f} {several}" if end >= 100 else f"{end:.3g} {several}"


def _swing_words(plan: Plan, robustness: Robustness) -> list[str]:
    """The inputs that change the choice when they are moved alone."""
    deciding = [swing for swing in robustness.swings if swing.changes(plan.choice)]
    sentences = []
    for swing in deciding:
        ends = "; ".join(
            f"{words} → {_moved_words(plan, one)}" for words, one in zip(swing.ends, swing.choices, strict=True)
        )
        sentences.append(f"{swing.name} decides: {ends}")
    if not deciding:
        names = ", ".join(swing.name for swing in robustness.swings)
        own = plan.choice.family.num_experts
        sentences.append(f"none of these changes the choice from {kind_words(own)} when it moves alone: {names}")
    return sentences


def _moved_words(plan: Plan, moved: Moved | None) -> str:
    """What is chosen once an input has moved, as far as it takes to tell it from the choice."""
    if moved is None:
        return "nothing feasible"
    own = plan.choice.family
    if moved.family.num_experts != own.num_experts:
        return kind_words(moved.family.num_experts)
    routing = routing_words(moved.family)
    return routing if routing != routing_words(own) or moved.family == own else family_words(moved.family)


def laws_sentences(plan: Plan) -> list[str]:
    """What each law would train with the same budget."""
    return [
        f"{view.law}: {kind_words(view.num_experts)}{'' if view.routed else ' (ranks no other E)'}, "
        f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens "
        f"({view.tokens_per_param:.0f} per parameter)"
        for view in plan.laws
    ]


def worth_words(worth: float, unit: str) -> str:
    """What knowing more is worth, in the unit of the goal: dollars, GPU hours of owned GPUs, or nats."""
    if unit == "nats":
        return f"{worth:.4f} nats"
    return format_usd(worth) if unit == "usd" else f"{worth:,.0f} GPU hours"
