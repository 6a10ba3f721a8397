"""A result in labelled lines: what a person reads first."""

import math

from optimoe.arch.params import ParamCount
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.units import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    format_change,
    format_count,
    format_factor,
    format_seconds,
    format_usd,
)
from optimoe.cost.serving.estimate import Deployment
from optimoe.laws.domain import SPOKEN
from optimoe.planner.candidate import Candidate
from optimoe.planner.confidence.robust import Robustness
from optimoe.planner.confidence.uncertainty import Uncertainty
from optimoe.planner.explain.reasons import family_words, layer_words
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.space import Space
from optimoe.planner.problem.training import GivenMfu, PredictedMfu, Training
from optimoe.planner.result import Alternative, Plan, Scored
from optimoe.report.words.lines import Lines, labelled
from optimoe.report.words.served.evidence_prose import basis_lines
from optimoe.report.words.serving_prose import layout_words
from optimoe.report.words.training_prose import train_layout_words

SHOWN_SHARE = 0.0005
"""Share of routing in the training FLOPs from which it is said: what one decimal of a percentage shows."""


def plan_lines(plan: Plan, robustness: Robustness | None = None) -> Lines:
    """A plan from the question to its cautions."""
    lines = question_lines(plan.problem)
    lines += [("", "")]
    lines += choice_lines(plan)
    lines += [("", ""), *labelled("Instead", _alternatives(plan))]
    lines += labelled("Scored", [scored_words(plan, one) for one in plan.scored])
    lines += labelled("Why", plan.reasons)
    lines += labelled("Laws", laws_sentences(plan))
    if robustness is not None:
        lines += labelled("Sure", robustness_sentences(plan, robustness))
    lines += labelled("Careful", plan.warnings)
    return lines


def robustness_sentences(plan: Plan, robustness: Robustness) -> list[str]:
    """How sure the choice is, and what would change it."""
    found, own = robustness.uncertainty, plan.choice.family
    sentences = []
    if found is None:
        sentences.append(f"how sure the law is cannot be said: {robustness.unknown}")
    else:
        shares = ", ".join(f"{family_words(one.family)} in {one.probability:.0%}" for one in found.chances)
        regret = format_usd(found.mean_regret) if found.unit == "usd" else f"{found.mean_regret:.4f} nats"
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
    worth = format_usd(sweep.worth) if found.unit == "usd" else f"{sweep.worth:.4f} nats"
    return (
        f"the {sweep.num_runs} proxies of winner/proxies.toml cost {format_usd(sweep.usd)} and are worth {worth} "
        "on average, by the better decision alone"
    )


def question_lines(problem: Problem) -> Lines:
    """The budget and the traffic."""
    limits, workload = problem.limits, problem.workload
    stated = [
        f"{name} ≤ {format_seconds(value)}"
        for name, value in (("TPOT", limits.tpot_s), ("TTFT", limits.ttft_s))
        if math.isfinite(value)
    ]
    traffic = [
        f"{format_count(problem.lifetime_tokens)} output tokens",
        f"{workload.input_tokens:,} in / {workload.output_tokens:,} out",
        " or ".join(dict.fromkeys(_gpus(one) for one in problem.deployments)),
        *stated,
    ]
    lines = [("Budget", budget_words(problem.training)), ("Traffic", ", ".join(traffic))]
    return lines + ([("Designs", total_words(problem.space))] if problem.space.constant_total else [])


def total_words(space: Space) -> str:
    """The total size that every design has: ``each of 47.0B parameters in total, within 2%``."""
    total, share = format_count(space.params_total), 100 * space.params_tolerance
    return f"each of {total} parameters in total, within {share:.2g}%"


def budget_words(training: Training) -> str:
    """The training budget as it was stated, and what it is in the other units."""
    gpu, price = training.accelerator.name, training.price.usd_per_gpu_s
    stated = []
    if math.isfinite(training.budget_flops):
        stated.append(f"{format_count(training.budget_flops)} FLOP")
    if math.isfinite(training.budget_gpu_s):
        hours = training.budget_gpu_s / SECONDS_PER_HOUR
        stated.append(f"{hours:,.0f} hours of {gpu}, {format_usd(training.budget_gpu_s * price)}")
    if not stated:
        return "not limited"
    where = f" on {training.run.cluster.num_gpus} × {gpu}" if training.run else ""
    if isinstance(training.utilisation, PredictedMfu):
        return f"{' and '.join(stated)}{where}, MFU predicted"
    rate = training.accelerator.flops_per_s("bf16") * training.utilisation.mfu
    flops = min(training.budget_flops, training.budget_gpu_s * rate)
    seconds = flops / rate
    also = f"{seconds / SECONDS_PER_HOUR:,.0f} hours of {gpu}, {format_usd(seconds * price)}"
    if math.isfinite(training.budget_gpu_s):
        also = f"{format_count(flops)} FLOP"
    return f"{' and '.join(stated)} = {also}{where} at {training.utilisation.mfu:.0%} MFU"


def run_words(plan: Plan) -> str:
    """GPU time of the training run, its utilisation and its layout."""
    choice, training = plan.choice, plan.problem.training
    utilisation, run = training.utilisation, training.run
    if isinstance(utilisation, GivenMfu):
        known: str = utilisation.basis.value
    else:
        low, high = utilisation.band(choice.training.mfu)
        known = f"predicted, {low:.0%} – {high:.0%}"
    words = f"{choice.training.gpu_hours:,.0f} GPU hours at {choice.training.mfu:.0%} MFU ({known})"
    words += routing_words(choice)
    layout = choice.training.layout
    if run is None or layout is None:
        return words
    days = choice.training.gpu_hours / run.cluster.num_gpus * SECONDS_PER_HOUR / SECONDS_PER_DAY
    return f"{words} · {days:.1f} days · {train_layout_words(layout)}"


def routing_words(choice: Candidate) -> str:
    """What routing takes beyond 6ND, where it shows: `` · routing 1.2% beyond 6ND``."""
    share = choice.training.routing_flops / choice.training.flops
    return f" · routing {share:.1%} beyond 6ND" if share >= SHOWN_SHARE else ""


def choice_lines(plan: Plan) -> Lines:
    """What to train, the loss it reaches and what it costs."""
    choice = plan.choice
    return [
        ("Train", f"{shape_words(choice.spec, choice.params)} · {format_count(choice.tokens)} tokens"),
        ("Run", run_words(plan)),
        ("Loss", loss_words(plan)),
        ("Serve", serving_words(choice)),
        *basis_lines(choice.evidence),
        (
            "Total",
            f"{format_usd(choice.total_usd)} = training {format_usd(choice.train_usd)} "
            f"+ serving {format_usd(choice.serve_usd)}",
        ),
    ]


def shape_words(spec: ArchSpec, params: ParamCount) -> str:
    """A design in one line: experts, sizes, layers, width, heads, and which layers route where not all do."""
    mixer, moe = spec.attention, spec.moe
    dense = next((group.ffn for group in spec.layers if isinstance(group.ffn, DenseFFN)), None)
    assert mixer is not None  # designs of a plan have softmax attention in every layer
    heads = f"({mixer.num_kv_heads} kv) of {mixer.head_dim}" if isinstance(mixer, Attention) else "(mla)"
    layers = f"{spec.num_layers} layers × {spec.d_model}, {mixer.num_heads} heads {heads}"
    if moe is None:
        assert dense is not None
        return f"dense {format_count(params.total)} · {layers}, FFN {dense.d_ff}"
    routed = sum(group.num_layers for group in spec.layers if isinstance(group.ffn, MoE))
    others = f" in {routed} layers, FFN {dense.d_ff} in the others" if dense else ""
    shared = f", {moe.num_shared_experts} shared" if moe.num_shared_experts else ""
    return (
        f"MoE E = {moe.num_experts}, top-{moe.top_k}{shared} · "
        f"{format_count(params.active)} active of {format_count(params.total)} · "
        f"{layers}, experts {moe.d_expert}{others}"
    )


def kind_words(num_experts: int) -> str:
    """``dense`` or ``E = 8``."""
    return "dense" if num_experts == 1 else f"E = {num_experts}"


def loss_words(plan: Plan) -> str:
    """The loss with its band, its law and how far that law is stretched."""
    choice, law = plan.choice, plan.problem.law.row
    band = "" if math.isnan(choice.loss.low) else f" ({choice.loss.low:.3f} – {choice.loss.high:.3f})"
    stretch = ", inside its fitted range"
    if beyond := _beyond_words(choice):
        stretch = f", beyond its fitted range: {beyond}"
    elif plan.problem.law.unstated(choice.spec):
        stretch = ", its fitted range not wholly stated"
    if choice.assumed:
        stretch += ", by assumption"
    return f"{choice.loss.value:.3f}{band} nats/token · {law.name}, {law.status}{stretch}"


def _beyond_words(design: Candidate) -> str:
    """How far outside the law's fitted range a design lies, by symbol: ``D 1.6×``; empty inside."""
    far = {symbol: 10**decades for symbol, decades in design.decades_beyond.items() if decades > 0}
    return ", ".join(f"{SPOKEN.get(symbol, symbol)} {format_factor(times)}" for symbol, times in far.items())


def serving_words(choice: Candidate) -> str:
    """Price and latency with the band of the cost model."""
    tpot = choice.tpot_band_s
    return (
        f"{format_usd(choice.usd_per_mtok)} per M output tokens · TPOT {format_seconds(choice.tpot_s)} "
        f"({format_seconds(tpot.low)} – {format_seconds(tpot.high)}) · "
        f"TTFT {format_seconds(choice.ttft_s)} · {layout_words(choice.serving.layout)} · "
        f"bound by {choice.serving.bound_by}"
    )


def laws_sentences(plan: Plan) -> list[str]:
    """What each law would train with the same budget."""
    return [
        f"{view.law}: {kind_words(view.num_experts)}{'' if view.routed else ' (may rank no other)'}, "
        f"{format_count(view.params_active)} active on {format_count(view.tokens)} tokens "
        f"({view.tokens_per_param:.0f} per parameter)"
        for view in plan.laws
    ]


def _others(plan: Plan) -> list[Alternative]:
    return [item for item in plan.alternatives if item.family != plan.choice.family]


def _alternatives(plan: Plan) -> list[str]:
    others = _others(plan)
    width = max((len(family_words(item.family)) for item in others), default=0) + 2
    return [_alternative(plan, item, width) for item in others]


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
    if told and (beyond := _beyond_words(told)):
        ending += f"; beyond its fitted range: {beyond}"
    if other is None:
        return f"{label}: does not fit, is not fast enough or never reaches {choice.loss.value:.3f}{ending}"
    remarks = " (over budget)" if plan.over_budget(other) else ""
    remarks += " (by assumption)" if other.assumed else ""
    return (
        f"{label}: {format_count(other.params.active)} active of {format_count(other.params.total)}; at the same "
        f"loss training {format_change(other.train_usd, choice.train_usd)}, serving "
        f"{format_change(other.usd_per_mtok, choice.usd_per_mtok)}, total {format_usd(other.total_usd)}"
        f"{remarks}{ending}"
    )


def _gpus(deployment: Deployment) -> str:
    return f"{deployment.cluster.num_gpus} × {deployment.cluster.accelerator.name}"
