"""How sure a choice is and what would change it, in words."""

from optimoe.core.units import (
    format_count,
    format_usd,
)
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.result import Plan
from optimoe.report.words.plan.shapes import kind_words


def robustness_sentences(plan: Plan, robustness: Robustness) -> list[str]:
    """How sure the choice is, and what would change it."""
    found, own = robustness.uncertainty, plan.choice.family
    sentences = []
    if found is None:
        sentences.append(f"how sure the law is cannot be said: {robustness.unknown}")
    else:
        shares = ", ".join(
            f"{kind_words(one.family.num_experts)} in {one.probability:.0%}" for one in found.chances
        )
        regret = worth_words(found.mean_regret, found.unit)
        sentences.append(
            f"over {found.draws} draws of the law the best is {shares}; settling the law before committing is "
            f"worth {regret} on average"
        )
        sentences += [sweep_words(found)] if found.sweep else []
    deciding = [swing for swing in robustness.swings if swing.changes(plan.choice)]
    for swing in deciding:
        ends = "; ".join(
            f"{words} → {family_words(one.family) if one else 'nothing feasible'}"
            for words, one in zip(swing.ends, swing.choices, strict=True)
        )
        sentences.append(f"{swing.name} decides: {ends}")
    if not deciding:
        names = ", ".join(swing.name for swing in robustness.swings)
        sentences.append(f"{family_words(own)} stays the choice when any one of these moves: {names}")
    return sentences


def sweep_words(found: Uncertainty) -> str:
    """What the proxies of winner/proxies.toml cost, and what they are worth."""
    assert found.sweep is not None
    sweep = found.sweep
    worth = worth_words(sweep.worth, found.unit)
    return (
        f"the {sweep.num_runs} proxies of winner/proxies.toml cost {format_usd(sweep.usd)} and are worth {worth} "
        "on average, by the better decision alone"
    )


def laws_sentences(plan: Plan) -> list[str]:
    """What each law would train with the same budget."""
    return [
        f"{view.law}: {kind_words(view.num_experts)}{'' if view.routed else ' (may rank no other)'}, "
        f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens "
        f"({view.tokens_per_param:.0f} per parameter)"
        for view in plan.laws
    ]


def worth_words(worth: float, unit: str) -> str:
    """What knowing more is worth, in the unit of the goal: dollars, GPU hours of owned GPUs, or nats."""
    if unit == "nats":
        return f"{worth:.4f} nats"
    return format_usd(worth) if unit == "usd" else f"{worth:,.0f} GPU hours"
