"""The sentence that decides: what to train, what it reaches and costs, and whether the budget is in the way."""

import math

from optimoe.core.units import (
    format_change,
    format_count,
    format_factor,
)
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.spending import spent
from optimoe.planner.result import Plan
from optimoe.report.words.plan.shapes import named_shape
from optimoe.report.words.plan.traffic import life_words

HALF = 0.5
"""The budget is said to decide where more training leaves so much of the dollars: a factor of two is more than the
bands of loss, of training time and of serving leave open together (assumed)."""

ALIKE = 0.01
"""Share within which two sums of dollars are one: to what batches, and so dollars, are searched."""


def headline(plan: Plan) -> str:
    """What to do, in one or two sentences."""
    sentence = f"Train {_design_words(plan.choice)}: {_outcome_words(plan)}."
    more = larger_budget(plan)
    if more is None:
        return sentence
    theirs, ours = spent(plan, more), spent(plan, plan.choice)
    return (
        f"The training budget decides: with {format_factor(theirs.train / ours.train)} the training, "
        f"{named_shape(more.spec, more.params)} reaches the same loss for {theirs.words()} in total "
        f"instead of {ours.words()}. Within it: "
        f"{sentence[0].lower()}{sentence[1:]}"
    )


def title(plan: Plan) -> str:
    """What to train, as the title of a page: shape, sizes and tokens."""
    return f"Train {_design_words(plan.choice)}"


def subtitle(plan: Plan) -> str:
    """What stands under that title: the outcome; where the budget decides, the whole sentence that says so."""
    outcome = _outcome_words(plan)
    return headline(plan) if larger_budget(plan) else f"{outcome[0].upper()}{outcome[1:]}."


def larger_budget(plan: Plan) -> Candidate | None:
    """The cheapest design at the choice's loss whose training exceeds the budget, where it halves all dollars."""
    over = [item.candidate for item in plan.alternatives if item.candidate and plan.over_budget(item.candidate)]
    best = min(over, key=lambda one: spent(plan, one).total, default=None)
    halves = best is not None and spent(plan, best).total < HALF * spent(plan, plan.choice).total
    return best if halves else None


def gpu_words(candidate: Candidate) -> str:
    """The GPUs that serve: ``24 h200-sxm``."""
    return f"{candidate.fleet.num_gpus:,.0f} {candidate.deployment.cluster.accelerator.name}"


def _design_words(choice: Candidate) -> str:
    return f"{named_shape(choice.spec, choice.params)} on {format_count(choice.tokens)} tokens"


def _outcome_words(plan: Plan) -> str:
    """Loss, GPUs and dollars of the choice, and how it stands against a dense model of equal loss."""
    choice, traffic = plan.choice, plan.problem.traffic
    band = "" if math.isnan(choice.loss.low) else f" ({choice.loss.low:.2f}–{choice.loss.high:.2f})"
    words = [f"loss {choice.loss.value:.3f}{band}"]
    if traffic.lifetime_tokens:
        words.append(f"{gpu_words(choice)} serve it")
    if not math.isnan(choice.total_usd):
        over = f"in {life_words(traffic.life_s)}" if traffic.rated else _tokens_words(plan)
        words.append(f"{spent(plan, choice).words()} {over}")
    return ", ".join(words) + _against_dense(plan)


def _tokens_words(plan: Plan) -> str:
    tokens = plan.problem.traffic.lifetime_tokens
    return f"with {format_count(tokens)} tokens served" if tokens else "to train"


def _against_dense(plan: Plan) -> str:
    choice = plan.choice
    if choice.family.dense:
        return ""
    dense = [item.candidate for item in plan.alternatives if item.family.dense]
    known = [one for one in dense if one is not None and not math.isnan(one.total_usd)]
    if not known:
        return "; no dense model within the limits reaches that loss" if dense else ""
    best = min(known, key=lambda one: spent(plan, one).total)
    theirs, ours = spent(plan, best), spent(plan, choice)
    over = ", which exceeds the budget" if plan.over_budget(best) else ""
    if abs(ours.total / theirs.total - 1) < ALIKE:
        return f"; as much as the best dense model of equal loss{over}"
    change = format_change(ours.total, theirs.total).removeprefix("-")
    if ours.total < theirs.total:
        return f"; {change} below the best dense model of equal loss{over}"
    return f"; the best dense model of equal loss takes {theirs.words()}{over}"
