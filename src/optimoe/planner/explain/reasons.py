"""Why this design and not another, and where a plan leaves what its law or its cost model has seen."""

import math
from collections.abc import Iterator
from functools import lru_cache

from optimoe.arch.params import count_params
from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.core.units import SECONDS_PER_DAY, format_change, format_count, format_factor
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.training.setup import usual_hours_ratio
from optimoe.laws.catalog import find_law
from optimoe.laws.domain import SPOKEN
from optimoe.laws.factors.attention import RATIO_LAW
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.evidence import first_of_the_law, last_of_the_law
from optimoe.planner.explain.ratios import near_lines, ratio_lines, unseen_lines
from optimoe.planner.explain.spending import spent
from optimoe.planner.problem.family import DENSE_FFN_RATIO, BestRatio, Family
from optimoe.planner.problem.kinds import FULL_EVERY, GROUPED
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import BUDGET_TOLERANCE
from optimoe.planner.result import Plan

MOST_SPELT = 8
"""Families that one line names."""


def reasons(plan: Plan) -> tuple[str, ...]:
    """Sentences that say why the choice is what it is."""
    choice, problem = plan.choice, plan.problem
    lines = []
    if plan.lowest_loss and plan.lowest_loss.loss.value < choice.loss.value * (1 - 1e-9):
        lines.append(_against_lowest(plan, plan.lowest_loss))
    if not choice.family.dense:
        lines.extend(_against_dense(plan))
    lines.extend(_beyond_budget(plan))
    lines.extend(_outside_limits(plan))
    if problem.training.bounded:
        sizes, mfu = choice.params, choice.training.mfu
        affordable = problem.training.affordable_tokens(sizes.active, mfu, sizes.router)
        share = choice.tokens / affordable
        lines.append(f"Training uses {share:.0%} of the budget.")
    return tuple(lines)


def warnings(plan: Plan) -> tuple[str, ...]:
    """Sentences that say where the plan leaves what its law or its cost model has seen."""
    choice, law = plan.choice, plan.problem.law
    lines = [
        f"{SPOKEN.get(symbol, symbol)} is {format_factor(10**decades)} beyond the fitted range of {law.row.name}"
        for symbol, decades in choice.decades_beyond.items()
        if decades > 0
    ]
    unstated = law.without_range(choice.spec)
    if unstated:
        lines.append(f"the fitted range of {law.row.name} in {', '.join(unstated)} is not stated")
    lines.extend(_domain_lines(plan))
    if math.isnan(choice.loss.low):
        lines.append(f"the fit error of {law.row.name} is not known: the loss has no band")
    space = plan.problem.space
    lines += _without_shapes(space)
    lines += _edge_lines(choice, space)
    served_in = formats_of_a_design(choice.deployment.engine)[0]
    if served_in != PLAIN_FORMAT:
        lines.append(
            f"weights served in {served_in} are taken to lose nothing: no law here knows what a format costs"
        )
    lines += _longer_training(plan)
    return (*first_of_the_law(law.row), *lines, *last_of_the_law(law.row, choice.loss.value))


def _longer_training(plan: Plan) -> Iterator[str]:
    """Training whose hours pass the budget within their band, where they are predicted."""
    training, own = plan.problem.training, plan.choice.training
    budget = training.budget_gpu_s
    if training.run is None or math.isinf(budget) or not own.gpu_s_high > budget * (1 + BUDGET_TOLERANCE):
        return
    gpus, ratio = training.run.cluster.num_gpus, usual_hours_ratio()
    days, most, stated = (gpu_s / gpus / SECONDS_PER_DAY for gpu_s in (own.gpu_s, own.gpu_s_high, budget))
    yield (
        f"training may overrun its budget of {stated:,.1f} days on {gpus:,} GPUs: {days:,.1f} predicted, "
        f"{ratio * days:,.1f} if it goes as labs' own runs do in the median, {most:,.1f} at the end of the band"
    )


@lru_cache(maxsize=32)
def _without_shapes(space: Space) -> list[str]:
    """Families of which no width and depth is a design of the space."""
    every = space.every()
    members = space.members(every)
    lines = []
    for family in space.families():
        if family in members:
            continue
        if not len(space.deep(family, every).d_model):
            wanted = "whole periods of its layers" if family.full_every > 1 else "a routed layer"
            lines.append(f"{family_words(family)}: no depth of the space has {wanted}")
        elif space.constant_total:
            near = format_count(count_params(space.nearest(family)).total)
            lines.append(
                f"{family_words(family)}: no width and depth comes within {100 * space.params_tolerance:.2g}% of "
                f"the total; the nearest has {near} (--params-tolerance)"
            )
        else:
            lines.append(f"{family_words(family)}: no width of the space divides into experts of whole tiles")
    return lines


def _edge_lines(choice: Candidate, space: Space) -> list[str]:
    """Where the choice has the largest or the smallest of what the space holds."""
    lines, family = [], choice.family
    if choice.spec.d_model == space.widths[-1]:
        lines.append(f"d_model is at the edge of the space, {choice.spec.d_model}: raise --max-width")
    if family.num_experts == max(space.num_experts) > min(space.num_experts):
        lines.append(f"E is at the edge of the space, {max(space.num_experts)}: more experts may be better")
    ratios = sorted(set(space.active_ffn_ratio))
    if len(ratios) > 1 and family.active_ffn_ratio in (ratios[0], ratios[-1]):
        better = "narrower" if family.active_ffn_ratio == ratios[0] else "wider"
        lines.append(
            f"experts of a token are {family.active_ffn_ratio:g}·d wide together, the edge of the space: {better} "
            "ones may be better (--active-ffn-ratio)"
        )
    return lines


def _domain_lines(plan: Plan) -> list[str]:
    """What no run behind the law had, how it is read, and the families that the law may not rank."""
    choice, law, name = plan.choice, plan.problem.law, plan.problem.law.row.name
    standing = law.judge(choice.spec)
    lines = [f"{name} was never fitted on {words}" for words in standing.assumptions + standing.stretched]
    if standing.unknown:
        lines.append(f"{name} does not state of its runs: {', '.join(standing.unknown)}")
    if standing.assumed:
        gap = float(law.reading_gap(choice.spec, plan.problem.data.worth(choice.tokens)))
        lines.append(
            f"by assumption {name} {law.reading(choice.spec)}; unread, the loss is {gap:.3f} nats away, and the "
            "band is so much wider on both sides"
        )
    if choice.spec.moe and isinstance(plan.problem.space.expert_attention_ratio, BestRatio):
        rule = find_law(RATIO_LAW).row
        lines += [
            f"{rule.name} was never fitted on {words}" for words in rule.domain.judge(choice.spec, ()).concerns
        ]
    lines += [f"by assumption: {plan.problem.for_law}"] if plan.problem.for_law else []
    lines += [*ratio_lines(plan), *unseen_lines(plan.problem), *near_lines(plan.problem)]
    refused: dict[str, list[Family]] = {}
    for item in plan.alternatives:
        if item.not_ranked:
            refused.setdefault(item.not_ranked, []).append(item.family)
    lines += [f"{name} may not rank {_several(families)}: {why}" for why, families in refused.items()]
    return lines


def _several(families: list[Family]) -> str:
    """Families in words; of many the numbers of experts alone."""
    if len(families) <= MOST_SPELT:
        return "; ".join(map(family_words, families))
    experts = sorted({family.num_experts for family in families})
    return f"{len(families)} families with E = {', '.join(map(str, experts))}"


def family_words(family: Family) -> str:
    """A family in words: dense, or E = 8, with what is unusual: ``E = 64, top-8, 1 shared, 3·d active, mla``."""
    words = ["dense" if family.dense else f"E = {family.num_experts}"]
    usual = Family(num_experts=family.num_experts)
    if family.top_k != usual.top_k:
        words.append(f"top-{family.top_k}")
    if family.num_shared_experts:
        words.append(f"{family.num_shared_experts} shared")
    if family.expert_attention_ratio:
        words.append(f"r = {family.expert_attention_ratio:.2f}")
    if family.active_ffn_ratio:
        words.append(f"{family.active_ffn_ratio:.3g}·d active")
    if family.ffn_ratio not in (0.0, DENSE_FFN_RATIO if family.dense else usual.ffn_ratio):
        words.append(f"width {family.ffn_ratio:.3g}·d")
    if family.num_kv_heads != usual.num_kv_heads and family.attention in GROUPED:
        words.append(f"{family.num_kv_heads} kv")
    if family.attention in FULL_EVERY:
        words.append(near_words(family))
    elif family.attention != usual.attention:
        words.append(family.attention)
    return ", ".join([*words, *layer_words(family)])


def near_words(family: Family) -> str:
    """What layers do that do not attend to everything, and which do: ``window 128, every 2nd layer full``."""
    others = f"window {family.window_tokens:,}" if family.window_tokens else "Gated DeltaNet"
    return f"{others}, every {ordinal(family.full_every)} layer full"


def layer_words(family: Family) -> list[str]:
    """Which layers route, where not all do: ``experts in every 2nd layer``, ``first 3 layers dense``."""
    words = []
    if family.moe_every > 1:
        words.append(f"experts in every {ordinal(family.moe_every)} layer")
    if family.first_dense_layers:
        low = family.first_dense_layers
        words.append(f"first {low} layers dense" if low > 1 else "first layer dense")
    if family.mixed and family.dense_layer_width == "expert":
        words.append("dense layers as wide as an expert")
    return words


def ordinal(number: int) -> str:
    """A positive number as a place in English: 2nd, 3rd, 4th, 11th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _against_dense(plan: Plan) -> list[str]:
    """The best dense model of this budget, and the cheapest of equal loss."""
    choice, ours, lines = plan.choice, spent(plan, plan.choice), []
    if (best := plan.best_dense) is not None:
        lines.append(
            f"The best dense model of this budget, {format_count(best.params.total)} on "
            f"{format_count(best.tokens)} tokens, reaches {best.loss.value:.3f} "
            f"({best.loss.value - choice.loss.value:+.3f}) for {spent(plan, best).words()} in total."
        )
    known = [item.candidate for item in plan.alternatives if item.family.dense and item.candidate]
    if known:
        equal = min(known, key=lambda one: spent(plan, one).total)
        theirs = spent(plan, equal)
        lines.append(
            f"A dense {format_count(equal.params.total)} reaches the same loss for "
            f"{format_change(theirs.train, ours.train)} training and "
            f"{format_change(theirs.per_mtok, ours.per_mtok)} serving cost."
        )
    return lines


def _outside_limits(plan: Plan) -> list[str]:
    """The numbers of experts of which no design that the law may rank keeps the limits at the choice's loss."""
    within = {item.family.num_experts for item in plan.alternatives if item.candidate}
    ranked = {item.family.num_experts for item in plan.alternatives if not item.not_ranked}
    outside = ["dense" if number == 1 else f"E = {number}" for number in sorted(ranked - within)]
    if not outside:
        return []
    return [f"{', '.join(outside)}: no design {unmet(plan.problem)}."]


def unmet(problem: Problem) -> str:
    """What a design must do beside the choice, where none does all of it; speed where a limit is stated on it."""
    fast = ", is fast enough" if latency_stated(problem) else ""
    return f"fits the GPUs{fast} and reaches this loss"


def latency_stated(problem: Problem) -> bool:
    """Whether a limit on TTFT or TPOT was stated."""
    return any(map(math.isfinite, (problem.limits.tpot_s, problem.limits.ttft_s)))


def _beyond_budget(plan: Plan) -> list[str]:
    """What more training would save in total, if some other expert count then comes out cheaper."""
    cheaper = [
        item.candidate
        for item in plan.alternatives
        if item.candidate and spent(plan, item.candidate).total < spent(plan, plan.choice).total * 0.99
    ]
    if not cheaper:
        return []
    best = min(cheaper, key=lambda candidate: spent(plan, candidate).total)
    return [
        f"With {format_factor(best.training.gpu_s / plan.choice.training.gpu_s)} the training, "
        f"{family_words(best.family)} with {format_count(best.params.active)} active would reach "
        f"the same loss for "
        f"{spent(plan, best).words()} in total instead of {spent(plan, plan.choice).words()}."
    ]


def _against_lowest(plan: Plan, lowest: Candidate) -> str:
    choice, own, least = plan.choice, spent(plan, plan.choice), spent(plan, lowest)
    return (
        f"The whole budget could reach {lowest.loss.value:.3f} with {family_words(lowest.family)}, "
        f"{format_count(lowest.params.active)} active: the choice gives up "
        f"{choice.loss.value - lowest.loss.value:.3f} nats and costs {own.words()} in total "
        f"instead of {least.words()} ({format_change(own.total, least.total)})."
    )
