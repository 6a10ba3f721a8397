"""Models of one's own and of labs beside the choice, in words."""

import math
from dataclasses import replace

from optimoe.arch.params import count_params
from optimoe.core.units import (
    format_change,
    format_count,
    format_factor,
    format_usd,
)
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.reasons import family_words, latency_stated, layer_words
from optimoe.planner.explain.scoring.score import deciding_gain
from optimoe.planner.explain.spending import format_hours, spent
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.result import LabReference, LocalMove, Plan, Scored
from optimoe.report.words.lines import Blocks, Table, labelled
from optimoe.report.words.plan.choice import beyond_words

BASIS = {
    "published": "",
    "lower_bound": " or more",
    "series": " (stated for its series)",
    "second_hand": " (read at second hand)",
}


def scored_lines(plan: Plan) -> list[str]:
    """Every model of one's own: how it stands, why, and what would bring most."""
    return [line for scored in plan.scored for line in _lines(plan, scored)]


def scored_alone(scored: Scored) -> Blocks:
    """A model of one's own without the plan beside it: what it reaches and takes, and why it loses or wins."""
    at = {
        "At the choice's loss": scored.candidate,
        "Whole budget": scored.in_budget,
        "Own tokens": scored.at_tokens,
    }
    lines = [
        (
            label,
            f"loss {one.loss.value:.3f} on {format_count(one.tokens)} tokens, "
            f"training {format_usd(one.train_usd)}, serving {format_usd(one.serve_usd)}",
        )
        for label, one in at.items()
        if one is not None
    ]
    why = [scored.not_ranked] if scored.not_ranked else [*scored.why, *scored.concerns]
    return [", ".join([scored.spec.name, *layer_words(scored.family)]), [*lines, *labelled("Why", why)]]


def _lines(plan: Plan, scored: Scored) -> list[str]:
    lines = [scored_words(plan, scored)]
    lines += [f"  {line}" for line in gap_lines(plan, scored)]
    lines += [f"  {line}" for line in scored.why]
    return lines + ([f"  {words}"] if (words := best_move_words(plan, scored)) else [])


def scored_words(plan: Plan, scored: Scored) -> str:
    """A model of one's own against the choice: at its loss, and on the whole budget."""
    label = ", ".join([scored.spec.name, *layer_words(scored.family)])
    label += " (its shape is speculated)" if scored.spec.speculated else ""
    label += f" ({scored.spec.note})" if scored.spec.note else ""
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
        slow = ", is not fast enough" if latency_stated(plan.problem) else ""
        shut = "" if whole else f"does not fit{slow} or "  # what the budget trains is served within the limits
        return f"{label}: {shut}never reaches {choice.loss.value:.3f}{ending}"
    theirs, ours = spent(plan, other), spent(plan, choice)
    remarks = " (over budget)" if plan.over_budget(other) else ""
    remarks += " (by assumption)" if other.assumed else ""
    return (
        f"{label}: {format_count(other.params.active)} active of {format_count(other.params.total)}; at the same "
        f"loss training {format_change(theirs.train, ours.train)}, serving "
        f"{format_change(theirs.serve, ours.serve)}, total {theirs.words()}"
        f"{remarks}{ending}"
    )


def gap_lines(plan: Plan, scored: Scored) -> list[str]:
    """The gap to the choice: dollars at its loss, nats on the whole budget and on the tokens that are stated."""
    choice, lines = plan.choice, []
    if scored.candidate:
        theirs, ours = spent(plan, scored.candidate), spent(plan, choice)
        gap = replace(theirs, train=abs(theirs.total - ours.total), serve=0.0).words()
        lines.append(
            f"gap at a loss of {choice.loss.value:.3f}: {gap} {'more' if theirs.total > ours.total else 'less'}"
        )
    if scored.in_budget and plan.lowest_loss:
        least = plan.lowest_loss.loss.value
        lines.append(
            f"gap on the whole budget: {scored.in_budget.loss.value - least:+.4f} nats from the lowest, "
            f"{least:.3f}, {scored.in_budget.loss.value - choice.loss.value:+.4f} from the choice"
        )
    if scored.at_tokens:
        lines.append(f"on its own {_run_words(plan, scored.at_tokens)}")
    return lines


def _run_words(plan: Plan, own: Candidate) -> str:
    """A design on given tokens: its loss beside the choice's, its dollars, and whether they keep the budget."""
    over = " (over budget)" if plan.over_budget(own) else ""
    away = own.loss.value - plan.choice.loss.value
    theirs, ours = spent(plan, own), spent(plan, plan.choice)
    return (
        f"{format_count(own.tokens)} tokens: {own.loss.value:.3f}, {away:+.4f} nats from the choice; "
        f"training {theirs.words('train')}{over}, serving {theirs.words('serve')}, "
        f"total {theirs.words()} instead of {ours.words()}"
    )


def best_move_words(plan: Plan, scored: Scored) -> str:
    """Which one change would bring most; that none would; empty where there is nothing to change."""
    if not scored.moves:
        return ""
    best, by_loss = scored.moves[0], isinstance(plan.problem.goal, LowestLoss)
    own = best.in_budget if by_loss else best.candidate
    gain = deciding_gain(plan.problem, best)
    if own is None:
        return "no one change of it would be feasible"
    if math.isnan(gain):
        return f"one change that makes it feasible: {best.words}"
    if gain <= 0:
        return "no one change of it brings anything"
    return f"one change that would bring most: {best.words} ({gain_words(plan, best)})"


def gain_words(plan: Plan, move: LocalMove) -> str:
    """What a change brings: dollars at the choice's loss (hours of owned GPUs), nats on the whole budget."""
    words = []
    if math.isfinite(move.gain_usd):
        amount, gain = _saved(plan, move)
        words.append(f"{amount} {'saved' if gain > 0 else 'more'}")
    if math.isfinite(move.gain_nats):
        words.append(f"{-move.gain_nats:+.4f} nats on the whole budget")
    return ", ".join(words)


def _saved(plan: Plan, move: LocalMove) -> tuple[str, float]:
    """Size of what a change saves or costs at the choice's loss, and it with its sign."""
    gain = move.gain_gpu_hours if plan.problem.owned else move.gain_usd
    return (format_hours(abs(gain)) if plan.problem.owned else format_usd(abs(gain))), gain


def moves_table(plan: Plan, scored: Scored) -> Table:
    """All local moves of a design as a table, what brings most first."""
    rows = [("change", "active", "total", "at that loss", "whole budget")]
    for move in scored.moves:
        params = count_params(move.spec)
        spends = "not feasible" if move.candidate is None else spent(plan, move.candidate).words()
        if math.isfinite(move.gain_usd):
            amount, gain = _saved(plan, move)
            spends = f"{'−' if gain > 0 else '+'}{amount}"
        nats = f"{-move.gain_nats:+.4f} nats" if math.isfinite(move.gain_nats) else "–"
        rows.append((move.words, format_count(params.active), format_count(params.total), spends, nats))
    loss = plan.choice.loss.value
    unit = "GPU hours" if plan.problem.owned else "dollars"
    title = f"Changes of {scored.spec.name}, one at a time; its {unit} at the choice's loss, {loss:.3f}"
    return Table(title=title, rows=rows, spare=("total", "active"))


def lab_lines(plan: Plan) -> list[str]:
    """What labs trained with about this compute: reference, no part of the choice."""
    return [lab_words(plan, one) for one in plan.labs]


def lab_words(plan: Plan, one: LabReference) -> str:
    """A lab's model on its own tokens under the plan's question, or why not."""
    lab, scored, law = one.lab, one.scored, plan.problem.law.row.name
    active, total = (format_count(number) for number in (lab.params_active, count_params(scored.spec).total))
    training = plan.problem.training
    flops = training.budget_flops_about if training.bounded else plan.choice.training.flops
    times = (
        f"{format_factor(lab.train_flops / flops)} the {'budget' if training.bounded else 'FLOPs of the choice'}"
    )
    head = (
        f"{lab.title} ({lab.date}): {family_words(scored.family)}, {active} active of {total}, "
        f"{format_count(lab.tokens)} tokens{BASIS[lab.tokens_basis]}, {times}"
    )
    if scored.not_ranked:
        return f"{head}; not ranked by {law}: {scored.not_ranked}"
    own = scored.at_tokens
    if own is None:
        return f"{head}; not priced here: {'; '.join(scored.why)}"
    bill = spent(plan, own)
    return (
        f"{head}; loss {own.loss.value:.3f} ({own.loss.value - plan.choice.loss.value:+.3f} to the choice), "
        f"training {bill.words('train')}, serving {bill.words('serve')}"
    )
