"""A model of one's own beside the choice, in words."""

from optimoe.core.units import (
    format_change,
    format_count,
)
from optimoe.planner.explain.reasons import layer_words
from optimoe.planner.explain.spending import spent
from optimoe.planner.result import Plan, Scored
from optimoe.report.words.plan.choice import beyond_words


def scored_words(plan: Plan, scored: Scored) -> str:
    """A model of one's own against the choice: at its loss, and on the whole budget."""
    label = ", ".join([scored.spec.name, *layer_words(scored.family)])
    label += " (its shape is speculated)" if scored.spec.speculated else ""
    if scored.not_ranked:
        return f"{label}: not ranked by {plan.problem.law.row.name}: {scored.not_ranked}"
    other, whole, choice = scored.candidate, scored.in_budget, plan.choice
    ending, law = "", plan.problem.law.row.name
    if whole:
        ending = f"; the whole budget reaches {whole.loss.value:.3f} on {format_count(whole.tokens)} tokens"
    if scored.concerns:
        ending += f"; {law} was never fitted on {', '.join(scored.concerns)}"
    told = whole or other
    if told and (beyond := beyond_words(told)):
        ending += f"; beyond its fitted range: {beyond}"
    if other is None:
        return f"{label}: does not fit, is not fast enough or never reaches {choice.loss.value:.3f}{ending}"
    theirs, ours = spent(plan, other), spent(plan, choice)
    remarks = " (over budget)" if plan.over_budget(other) else ""
    remarks += " (by assumption)" if other.assumed else ""
    return (
        f"{label}: {format_count(other.params.active)} active of {format_count(other.params.total)}; at the same "
        f"loss training {format_change(theirs.train, ours.train)}, serving "
        f"{format_change(theirs.per_mtok, ours.per_mtok)}, total {theirs.words()}"
        f"{remarks}{ending}"
    )
