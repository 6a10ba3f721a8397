"""What each loss law would train, in words."""

from optimoe.core.units import (
    format_count,
)
from optimoe.planner.result import Plan
from optimoe.report.words.plan.shapes import kind_words


def laws_sentences(plan: Plan) -> list[str]:
    """What each law would train with the same budget."""
    return [
        f"{view.law}: {kind_words(view.num_experts)}{'' if view.routed else ' (may rank no other)'}, "
        f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens "
        f"({view.tokens_per_param:.0f} per parameter)"
        for view in plan.laws
    ]
