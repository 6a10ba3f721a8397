"""What else could be trained, beside the choice, in words."""

from optimoe.core.units import (
    format_change,
    format_count,
    format_usd,
)
from optimoe.planner.explain.reasons import family_words
from optimoe.planner.result import Alternative, Plan


def alternative_lines(plan: Plan) -> list[str]:
    """Every other family at the choice's loss, one line each."""
    others = _others(plan)
    width = max((len(family_words(item.family)) for item in others), default=0) + 2
    return [_alternative(plan, item, width) for item in others]


def _others(plan: Plan) -> list[Alternative]:
    return [item for item in plan.alternatives if item.family != plan.choice.family]


def _alternative(plan: Plan, item: Alternative, width: int) -> str:
    label = f"{family_words(item.family):<{width}}"
    other, choice = item.candidate, plan.choice
    if item.not_ranked:
        return f"{label}not ranked by {plan.problem.law.row.name}: {item.not_ranked}"
    if other is None:
        return f"{label}does not fit or is not fast enough"
    return (
        f"{label}{format_count(other.params.active):>6} active of "
        f"{format_count(other.params.total):>6}   "
        f"training {format_change(other.train_usd, choice.train_usd):>7}   "
        f"serving {format_change(other.usd_per_mtok, choice.usd_per_mtok):>7}   "
        f"total {format_usd(other.total_usd)}"
        f"{'   over budget' if plan.over_budget(other) else ''}"
        f"{'   by assumption' if other.assumed else ''}"
    )
