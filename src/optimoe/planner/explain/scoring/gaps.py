"""Where the gap between a design of one's own and the choice comes from: dollars by cause, nats by trait."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimoe.arch.count import GRANULARITY_FACTOR
from optimoe.arch.design import EXPERT_STEP, dense_twin, with_num_experts
from optimoe.arch.params import count_params
from optimoe.arch.parts import DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.units import format_count, format_factor, format_usd
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.scoring.moves import scaled, with_moe
from optimoe.planner.problem.problem import Problem

SHOWN_NATS = 0.001
"""Nats below which a trait is not named: what three decimals of a loss show."""

SHOWN_SHARE = 0.05
"""Change of a factor below which it is not named: layouts and batches move dollars by as much."""


def dollar_reasons(problem: Problem, own: Candidate, choice: Candidate) -> tuple[str, ...]:
    """At one loss, which of training and serving makes a design dearer or cheaper, and through what."""
    parts = {"training": own.train_usd - choice.train_usd, "serving": own.serve_usd - choice.serve_usd}
    causes = {"training": _training_causes(own, choice), "serving": _serving_causes(problem, own, choice)}
    total = own.total_usd - choice.total_usd
    lines = []
    for name, usd in sorted(parts.items(), key=lambda item: -abs(item[1])):
        if abs(usd) > SHOWN_SHARE * max(abs(total), SHOWN_SHARE * choice.total_usd):
            cause = f": {causes[name]}" if causes[name] else ""
            lines.append(f"{name} {_more(usd)}{cause}")
    return tuple(lines)


def _more(usd: float) -> str:
    return f"{format_usd(abs(usd))} {'more' if usd > 0 else 'less'}"


def _training_causes(own: Candidate, choice: Candidate) -> str:
    """The factors of training dollars, 6·N_act·D ÷ (peak·MFU): exact, for they multiply."""
    factors = {
        "tokens": own.tokens / choice.tokens,
        "active parameters": own.params.active / choice.params.active,
        "time for a FLOP (utilisation)": choice.training.mfu / own.training.mfu,
    }
    return _told(factors)


def _serving_causes(problem: Problem, own: Candidate, choice: Candidate) -> str:
    """What takes more GPU time for an output token; the memory where it takes more GPUs."""
    times = [_gpu_s_by_cause(candidate) for candidate in (own, choice)]
    more = {
        cause: times[0].get(cause, 0.0) - times[1].get(cause, 0.0) for cause in times[0].keys() | times[1].keys()
    }
    cause = max(more, key=lambda name: abs(more[name]))
    words = [f"mostly {cause.removesuffix('_s').replace('_', ' ')}"] if more[cause] else []
    gpus = [candidate.deployment.cluster.num_gpus for candidate in (own, choice)]
    if gpus[0] != gpus[1]:
        words.append(f"on {gpus[0]} GPUs a deployment instead of {gpus[1]}")
    sizes = {"stored parameters": own.params.total / choice.params.total}
    words += [told] if (told := _told(sizes)) else []
    if math.isfinite(problem.limits.tpot_s) or math.isfinite(problem.limits.ttft_s):
        requests = own.serving.concurrency / own.deployment.cluster.num_gpus
        others = choice.serving.concurrency / choice.deployment.cluster.num_gpus
        words += [told] if (told := _told({"requests in flight a GPU": requests / others})) else []
    return ", ".join(words)


def _gpu_s_by_cause(candidate: Candidate) -> dict[str, float]:
    """GPU-seconds of an output token by cause; what TPOT does not hold is the prompt's."""
    gpus, serving = candidate.deployment.cluster.num_gpus, candidate.serving
    found = {cause: float(s) * gpus / float(serving.concurrency) for cause, s in serving.parts.items()}
    found["prompts"] = gpus / float(serving.tokens_per_s) - sum(found.values())
    return found


def _told(factors: dict[str, float]) -> str:
    """The factors that show, the largest first: ``2.1× the tokens``."""
    shown = {name: value for name, value in factors.items() if abs(math.log(value)) > SHOWN_SHARE}
    ordered = sorted(shown.items(), key=lambda item: -abs(math.log(item[1])))
    return ", ".join(f"{format_factor(value)} the {name}" for name, value in ordered)


def loss_reasons(problem: Problem, own: Candidate, best: Candidate) -> tuple[str, ...]:
    """On the whole budget, how much of the gap in loss each trait of the best design closes, put in alone.

    Each trait is *run*: the design with that trait, on the tokens that the budget then trains, under the plan's
    law at the design's own utilisation.
    """
    start = _loss(problem, own.spec, own)
    gap = own.loss.value - best.loss.value
    closed = [(words, start - _loss(problem, spec, own)) for words, spec in _traits(own.spec, best.spec)]
    shown = sorted((item for item in closed if abs(item[1]) >= SHOWN_NATS), key=lambda item: -item[1])
    if not shown or gap < SHOWN_NATS:
        return ()
    told = "; ".join(f"{words} {'closes' if nats > 0 else 'adds'} {abs(nats):.3f} nats" for words, nats in shown)
    return (f"of {gap:.3f} nats on the whole budget, each put in alone: {told}",)


def _loss(problem: Problem, spec: ArchSpec, own: Candidate) -> float:
    """Nats of a design on the tokens that the whole budget trains at another one's utilisation."""
    if not np.any(problem.law.judge(spec).applicable):
        return math.nan
    params = count_params(spec)
    tokens = float(problem.training.affordable_tokens(params.active, own.training.mfu, params.router))
    most = problem.data.unique_tokens if not problem.data.repeats else math.inf
    return float(problem.law.arch_curve(spec).loss(problem.data.worth(min(tokens, most))))


def _traits(own: ArchSpec, best: ArchSpec) -> Iterator[tuple[str, ArchSpec]]:
    """The design with one trait of the best in place of its own, for each trait in which they differ."""
    ours, theirs = own.moe, best.moe
    if ours and not theirs:
        yield "being dense", dense_twin(own)
    if theirs and not ours and (routed := _routed_as(own, theirs)) is not None:
        yield f"routing, E = {theirs.num_experts}, top-{theirs.top_k}", routed
    if ours and theirs:
        ratio = theirs.num_experts / theirs.top_k
        number = max(ours.top_k, round(ours.top_k * ratio))
        if number != ours.num_experts:
            words = f"its sparsity (E/k {ours.num_experts / ours.top_k:.3g} → {ratio:.3g})"
            yield words, with_num_experts(own, number)
        yield from _as_fine(own, ours, best)
    size = (count_params(best).active / count_params(own).active) ** (1 / 3)
    if abs(math.log(size)) > SHOWN_SHARE / 3 and (sized := scaled(own, size, size)) is not None:
        active = format_count(count_params(sized).active)
        yield f"its size ({active} active, {'fewer' if size > 1 else 'more'} tokens)", sized


def _routed_as(own: ArchSpec, moe: MoE) -> ArchSpec | None:
    """A dense design routed like another, as wide together as its own feed-forward."""
    layers = []
    for group in own.layers:
        if not isinstance(group.ffn, DenseFFN):
            return None
        width = round(group.ffn.d_ff / (moe.top_k + moe.num_shared_experts) / EXPERT_STEP) * EXPERT_STEP
        if not width:
            return None
        d_shared = width if moe.num_shared_experts else 0
        layers.append(replace(group, ffn=replace(moe, d_expert=width, d_shared=d_shared)))
    return replace(own, layers=tuple(layers))


def _as_fine(own: ArchSpec, ours: MoE, best: ArchSpec) -> Iterator[tuple[str, ArchSpec]]:
    """The design with experts as fine as the best's: as many times narrower as more of them are active."""
    assert best.moe
    target = best.moe.d_expert / best.d_model * own.d_model
    times = max(1, round(ours.d_expert / target * ours.top_k)) / ours.top_k
    width = round(ours.d_expert / times / EXPERT_STEP) * EXPERT_STEP
    number, k = round(ours.num_experts * times), round(ours.top_k * times)
    if k == ours.top_k or not width or number < k:
        return

    def changed(moe: MoE) -> MoE:
        return replace(moe, num_experts=number, top_k=k, d_expert=width)

    factor = GRANULARITY_FACTOR["krajewski"]
    fine = [factor * spec.d_model / moe.d_expert for spec, moe in ((own, ours), (best, best.moe))]
    yield f"its granularity ({fine[0]:.3g} → {fine[1]:.3g}, both sizes kept)", with_moe(own, changed)
