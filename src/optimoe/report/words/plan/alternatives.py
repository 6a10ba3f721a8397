"""What else could be trained, in a table beside the choice, each with what keeps it from being the choice."""

import math

from optimoe.core.units import format_change, format_count, format_factor
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.reasons import layer_words, unmet
from optimoe.planner.explain.spending import spent
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.training import BUDGET_TOLERANCE
from optimoe.planner.result import Alternative, Plan
from optimoe.report.words.lines import Table
from optimoe.report.words.plan.choice import banded_loss

MOST = 6
"""Other designs that the table shows: what fits a screen beside the choice; ``plan.json`` has all."""

SAME_LOSS = 5e-4
"""Nats by which losses may differ and still read alike: half of the last digit shown."""

MOST_AGAINST = 2
"""Reasons against a design that the table has room for: the largest of them."""

HEADS = ("", "active", "total", "tokens", "loss", "training", "GPUs", "serving", "all", "against it")

LAW_HEADS = ("law", "trains", "active", "total", "tokens", "loss", "training", "serving", "all", "")

CAUSES = {
    "kv_reads_s": "reads more cache",
    "weight_reads_s": "reads more weights",
    "expert_reads_s": "reads more experts",
    "host_reads_s": "reads experts from the host",
    "compute_s": "more arithmetic a token",
    "launch_s": "more time between kernels",
    "all_reduce_s": "more all-reduces",
    "all_to_all_s": "more exchange between experts",
    "pipeline_s": "more pipeline stages",
    "prefill_of_others_s": "dearer prompts",
    "wait_for_ranks_s": "ranks wait longer for prompts",
}
"""What a GPU spends more time on for a token, in words, by the parts of TPOT."""


def alternatives_table(plan: Plan) -> Table:
    """The choice, the best others at its loss by their dollars, and the models of one's own."""
    rows = [HEADS, row(plan, "the choice", plan.choice, "")]
    shown = shown_others(plan)
    rows += [_alternative(plan, item) for item in shown]
    if plan.best_dense is not None and not plan.choice.family.dense:
        rows.append(row(plan, "dense, whole budget", plan.best_dense, against(plan, plan.best_dense)))
    rows += [_scored(plan, number) for number in range(len(plan.scored))]
    left = len(_others(plan)) - len(shown)
    others = "numbers of experts" + (" or kinds of attention" if plan.problem.space.near else "")
    more = f"; {left} more in plan.json" if left else ""
    return Table(
        title=f"At the same loss, {plan.choice.loss.value:.3f}, the cheapest with other {others}{more}",
        rows=rows,
        spare=("tokens", "training", "serving", "GPUs", "total", "loss", "active"),
        words=("against it",),
    )


def by_law_table(plan: Plan) -> Table:
    """The choice beside those of the laws that were asked besides, each at its own loss."""
    rows: list[tuple[str, ...]] = [LAW_HEADS]
    silent = any(one.candidate is None for one in plan.by_law)
    for one in plan.by_law:
        if one.candidate is None:
            rows.append((one.law, *["–"] * (len(LAW_HEADS) - 2), one.reason))
            continue
        bill, design = spent(plan, one.candidate), one.candidate
        sizes = (design.params.active, design.params.total, design.tokens)
        rows.append(
            (
                one.law,
                routing_words(design.family),
                *map(format_count, sizes),
                banded_loss(design),
                bill.words("train"),
                bill.words("serve"),
                bill.words(),
                "",
            )
        )
    return Table(
        title="The same question by law, each at its own loss",
        rows=rows if silent else [row[:-1] for row in rows],
        spare=("serving", "training", "total"),
        words=("trains", ""),
    )


def shown_others(plan: Plan) -> list[Alternative]:
    """The cheapest designs with other numbers of experts, and the dense one always: everybody asks it first.

    Likewise the best of the choice's E whose layers all attend to everything: what other kinds are said to save.
    """
    others, own = _others(plan), plan.choice.family.num_experts
    kept = [
        item
        for item in others[MOST:]
        if item.family.dense or (item.family.num_experts == own and item.family.full_every == 1)
    ]
    return others[:MOST] + kept


def row(plan: Plan, name: str, design: Candidate, against: str) -> tuple[str, ...]:
    """One design of the table."""
    bill = spent(plan, design)
    loss = f"{design.loss.value:.3f}"
    gpus = f"{design.fleet.num_gpus:,.0f}" if plan.problem.lifetime_tokens else "–"
    return (
        name,
        format_count(design.params.active),
        format_count(design.params.total),
        format_count(design.tokens),
        loss,
        bill.words("train"),
        gpus,
        bill.words("serve"),
        bill.words(),
        against,
    )


def against(plan: Plan, other: Candidate) -> str:
    """What keeps a design from being the choice: a limit, or what makes it dearer; and how its loss is known."""
    higher = other.loss.value - plan.choice.loss.value
    words = [f"{higher:.3f} nats above"] if higher > SAME_LOSS else []
    words += [_over_budget(plan, other)] if plan.over_budget(other) else []
    words += _over_goal(plan, other)
    words += _dearer(plan, other) if not plan.over_budget(other) else []
    words = words[:MOST_AGAINST]
    if other.assumed and not plan.choice.assumed:
        words.append("its loss by assumption")
    return ", ".join(words)


def _others(plan: Plan) -> list[Alternative]:
    """Of each other number of experts the cheapest design, the cheapest of all first.

    Where no law sees what some kinds of attention cost in loss, of each kind too.
    """
    apart = plan.problem.space.near
    best: dict[tuple[int, str], Alternative] = {}
    for item in sorted(plan.alternatives, key=lambda item: _order(plan, item)):
        best.setdefault((item.family.num_experts, item.family.attention if apart else ""), item)
    best.pop((plan.choice.family.num_experts, plan.choice.family.attention if apart else ""), None)
    return list(best.values())


def routing_words(family: Family) -> str:
    """How a family routes, short enough for a table: ``E = 64, top-8, 1 shared``."""
    if family.dense:
        return "dense"
    shared = f", {family.num_shared_experts} shared" if family.num_shared_experts else ""
    return f"E = {family.num_experts}, top-{family.top_k}{shared}"


def _order(plan: Plan, item: Alternative) -> tuple[bool, float]:
    """Designs with a price first, the cheapest of them before the others."""
    usd = spent(plan, item.candidate).total if item.candidate else math.nan
    return math.isnan(usd), 0.0 if math.isnan(usd) else usd


def _alternative(plan: Plan, item: Alternative) -> tuple[str, ...]:
    kind = f", {item.family.attention}" if plan.problem.space.near else ""
    name = routing_words(item.family) + kind
    if item.candidate is not None:
        return row(plan, name, item.candidate, against(plan, item.candidate))
    why = f"not ranked: {item.not_ranked}" if item.not_ranked else f"none {unmet(plan.problem)}"
    return _empty(name, why)


def _scored(plan: Plan, number: int) -> tuple[str, ...]:
    """A model of one's own at the choice's loss."""
    own = plan.scored[number]
    name = ", ".join([own.spec.name, *layer_words(own.family)])
    if own.candidate is not None:
        return row(plan, name, own.candidate, against(plan, own.candidate))
    shut = "never reaches this loss" if own.in_budget else f"none that {unmet(plan.problem)}"
    return _empty(name, f"not ranked: {own.not_ranked}" if own.not_ranked else shut)


def _empty(name: str, why: str) -> tuple[str, ...]:
    return (name, *["–"] * (len(HEADS) - 2), why)


def _over_budget(plan: Plan, other: Candidate) -> str:
    training, sizes = plan.problem.training, other.params
    most = training.affordable_tokens(sizes.active, other.training.mfu, sizes.router)
    return f"{format_factor(other.tokens / most)} the training budget"


def _over_goal(plan: Plan, other: Candidate) -> list[str]:
    """The dollars of the goal that a design passes."""
    goal = plan.problem.goal
    if not isinstance(goal, LowestLoss):
        return []
    passed = (
        (other.total_usd / float(goal.total_usd), "the total dollars"),
        (other.usd_per_mtok / float(goal.usd_per_mtok), "the serving price"),
    )
    return [f"{format_factor(times)} {what}" for times, what in passed if times > 1 + BUDGET_TOLERANCE]


def _dearer(plan: Plan, other: Candidate) -> list[str]:
    """What costs more than of the choice, the larger sum of dollars first."""
    ours, theirs = spent(plan, plan.choice), spent(plan, other)
    training, serving = theirs.train - ours.train, theirs.serve - ours.serve
    words = []
    if training > 0:
        words.append((training, f"training {format_change(theirs.train, ours.train)}"))
    if serving > 0:
        change = format_change(theirs.serve, ours.serve)
        cause = _cause(plan.choice, other)
        words.append((serving, f"serving {change}{': ' + cause if cause else ''}"))
    return [text for _, text in sorted(words, reverse=True)]


def _cause(choice: Candidate, other: Candidate) -> str:
    """On what a GPU spends most more time for an output token than of the choice; empty where on nothing."""

    def gpu_s(design: Candidate, part: str) -> float:
        """GPU-seconds of one output token: GPUs · seconds of the step ÷ requests in flight."""
        serving = design.serving
        seconds = float(serving.parts.get(part, 0.0))
        return seconds * design.deployment.cluster.num_gpus / float(serving.concurrency)

    more = {part: gpu_s(other, part) - gpu_s(choice, part) for part in other.serving.parts}
    worst = max(more, key=lambda part: more[part], default="")
    return CAUSES.get(worst, "") if worst and more[worst] > 0 else ""
