"""Words for a plan: why this design, what to be careful about, what binds when there is none."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from optimoe.core.config import load_facts
from optimoe.core.provenance import Assumption, Basis
from optimoe.core.units import SECONDS_PER_HOUR, format_change, format_count, format_usd
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.step import efficiency_sources
from optimoe.cost.sizing.feasibility import explain_infeasible as explain_serving
from optimoe.cost.sizing.feasibility import feasibility
from optimoe.cost.training.setup import training_sources
from optimoe.laws.catalog import find_law
from optimoe.planner.candidate import Candidate
from optimoe.planner.designs import Pool
from optimoe.planner.problem.data import repeat_constant
from optimoe.planner.problem.family import RATIO_LAW, BestRatio, Family
from optimoe.planner.problem.goal import LeastCost, LowestLoss
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import GivenMfu, Training

if TYPE_CHECKING:
    from optimoe.planner.result import Plan


def reasons(plan: "Plan") -> tuple[str, ...]:
    """Why the choice stands where it does."""
    choice, problem, serving = plan.choice, plan.problem, plan.choice.serving
    lines = []
    if plan.lowest_loss and plan.lowest_loss.loss.value < choice.loss.value * (1 - 1e-9):
        lines.append(_against_lowest(choice, plan.lowest_loss))
    dense = next((item.candidate for item in plan.alternatives if item.family.dense), None)
    if dense and not choice.family.dense:
        lines.append(
            f"A dense {format_count(dense.params.total)} reaches the same loss for "
            f"{format_change(dense.train_usd, choice.train_usd)} training and "
            f"{format_change(dense.usd_per_mtok, choice.usd_per_mtok)} serving cost."
        )
    lines.extend(_beyond_budget(plan))
    lines.extend(
        f"{family_words(item.family)} at this loss keeps no limit: nothing of that kind fits and is fast enough."
        for item in plan.alternatives
        if item.candidate is None
    )
    if problem.training.bounded:
        affordable = problem.training.affordable_tokens(choice.params.active, choice.training.mfu)
        share = choice.tokens / affordable
        lines.append(f"Training uses {share:.0%} of the budget.")
    lines.append(
        f"Decoding is bound by {serving.bound_by}; {serving.concurrency:.0f} requests in flight, "
        f"{serving.max_batch:.0f} would fit."
    )
    return tuple(lines)


def warnings(plan: "Plan") -> tuple[str, ...]:
    """Where the plan leaves what its law or its cost model has seen."""
    choice, law = plan.choice, plan.problem.law
    lines = [
        f"{symbol} is {10**decades:.1f}× beyond the fitted range of {law.row.name}"
        for symbol, decades in choice.decades_beyond.items()
        if decades > 0
    ]
    unstated = law.without_range(choice.spec)
    if unstated:
        lines.append(f"the fitted range of {law.row.name} in {', '.join(unstated)} is not stated")
    lines.extend(f"{law.row.name} was never fitted on {concern}" for concern in law.concerns(choice.spec))
    if math.isnan(choice.loss.low):
        lines.append(f"the fit error of {law.row.name} is not known: the loss has no band")
    space = plan.problem.space
    if choice.spec.d_model == space.max_width:
        lines.append(f"d_model is at the edge of the space, {space.max_width}: raise --max-width")
    if choice.family.num_experts == max(space.num_experts) > 1:
        lines.append(f"E is at the edge of the space, {max(space.num_experts)}: more experts may be better")
    return tuple(lines)


def assumptions(problem: Problem) -> tuple[Assumption, ...]:
    """Every number from outside that the plan rests on."""
    law, training = problem.law.row, problem.training
    rows = [
        _row("loss law", f"{law.name} ({law.status})", Basis.PUBLISHED, law.source),
        _row("loss band", f"rmse of ln L {law.rmse_log:g}", Basis.DERIVED, law.rmse_source or "not known"),
        _row("training FLOPs", "6 · N_act · D, both embeddings in N_act", Basis.ASSUMED, "the laws' convention"),
        *_utilisation_rows(training),
        _row("training GPU", training.accelerator.name, Basis.PUBLISHED, training.accelerator.source),
        _price("training", training.price),
        *(row for deployment in problem.deployments for row in _serving_rows(deployment)),
        _row(
            "requests",
            f"{problem.workload.input_tokens} tokens in, {problem.workload.output_tokens} out",
            Basis.ASSUMED,
            "given, or the default 1,024 and 1,024",
        ),
        _row("tokenizer", f"{problem.space.vocab_size:,} entries", Basis.ASSUMED, "the law's own, or --vocab"),
    ]
    if math.isfinite(problem.data.unique_tokens) and problem.data.repeats:
        facts = load_facts("optimoe.planner", "repeats.toml")["muennighoff2023"]
        rows.append(_row("repeated tokens", f"R* = {repeat_constant():g}", Basis(facts["basis"]), facts["source"]))
    if isinstance(problem.space.expert_attention_ratio, BestRatio):
        rule = find_law(RATIO_LAW).row
        rows.append(_row("experts over attention", f"{rule.name} ({rule.status})", Basis.PUBLISHED, rule.source))
    return (*rows, *efficiency_sources())


def _utilisation_rows(training: Training) -> list[Assumption]:
    rows, utilisation, run = [], training.utilisation, training.run
    if isinstance(utilisation, GivenMfu):
        words = f"{utilisation.mfu:.0%} of the bf16 peak, whatever the design"
        rows.append(_row("MFU", words, utilisation.basis, "given, or the default 40 %"))
    if run is not None:
        words = f"{run.batch_tokens:,} tokens a step in sequences of {run.seq_len:,}"
        rows += [_row("training batch", words, Basis.ASSUMED, "given, or the default"), *training_sources()]
    return rows


def _serving_rows(deployment: Deployment) -> list[Assumption]:
    cluster, execution = deployment.cluster, deployment.engine.execution
    words = f"{cluster.num_gpus} × {cluster.accelerator.name}"
    return [
        _row("serving GPU", words, Basis.PUBLISHED, cluster.accelerator.source),
        _price("serving", deployment.price),
        _row(
            "precision", f"weights {execution.precision}, cache {execution.kv_precision}", Basis.ASSUMED, "given"
        ),
    ]


def family_words(family: Family) -> str:
    """dense, or E = 8, with what is unusual: ``E = 64, top-8, 1 shared, width 0.75·d, mla``."""
    words = ["dense" if family.dense else f"E = {family.num_experts}"]
    usual = Family(num_experts=family.num_experts)
    if family.top_k != usual.top_k:
        words.append(f"top-{family.top_k}")
    if family.num_shared_experts:
        words.append(f"{family.num_shared_experts} shared")
    if family.expert_attention_ratio:
        words.append(f"r = {family.expert_attention_ratio:.2f}")
    if family.ffn_ratio != usual.ffn_ratio:
        words.append(f"width {family.ffn_ratio:g}·d")
    if family.num_kv_heads != usual.num_kv_heads and family.attention == "gqa":
        words.append(f"{family.num_kv_heads} kv")
    if family.attention != usual.attention:
        words.append(family.attention)
    return ", ".join(words)


def explain_infeasible(problem: Problem, goal: LowestLoss | LeastCost, coarse: Mapping[Family, Pool]) -> str:
    """Which limit binds, and what would lift it."""
    if not any(pool.servable.any() for pool in coarse.values()):
        reached = [
            feasibility(pool.grid, deployment) for pool in coarse.values() for deployment in problem.deployments
        ]
        return explain_serving(reached, problem.limits)
    if not any(pool.possible.any() for pool in coarse.values()):
        return (
            f"train_gpus: no design that can be served fits in the training memory under any layout on "
            f"{_cluster_words(problem.training)}; state more --train-gpus"
        )
    if isinstance(goal, LowestLoss):
        cheapest = min(float(pool.usd_per_mtok.min()) for pool in coarse.values())
        if cheapest > goal.usd_per_mtok:
            return (
                f"usd_per_mtok: the limit of {format_usd(goal.usd_per_mtok)} binds; the cheapest design is served "
                f"at {format_usd(cheapest)} (--usd-per-mtok {cheapest * 1.01:.3g} would lift it)"
            )
        serving = min(
            float(pool.serve_usd[pool.possible].min()) for pool in coarse.values() if pool.possible.any()
        )
        return (
            f"total_usd: the limit of {format_usd(goal.total_usd)} binds; serving alone costs at least "
            f"{format_usd(serving)} (raise --total-usd or lower --serve-tokens)"
        )
    return _unreachable_loss(problem, goal, coarse)


def _unreachable_loss(problem: Problem, goal: LeastCost, coarse: Mapping[Family, Pool]) -> str:
    pools = [pool for pool in coarse.values() if pool.possible.any()]
    flops = min(
        float(problem.training.flops(pool.params_active, pool.tokens(goal.max_loss))[pool.possible].min())
        for pool in pools
    )
    if math.isinf(flops) and any(np.isfinite(pool.curve.tokens(goal.max_loss)).any() for pool in pools):
        return (
            f"unique_tokens: {format_count(problem.data.unique_tokens)} distinct tokens, however often repeated, "
            f"do not reach a loss of {goal.max_loss:.4f}; raise --unique-tokens or --target-loss"
        )
    if math.isinf(flops):
        floor = min(float(np.min(np.asarray(pool.curve.floor)[pool.possible])) for pool in pools)
        return (
            f"target_loss: {goal.max_loss:g} lies below {floor:.4f}, what the best design of the space "
            "reaches on infinite data under this law; raise --target-loss"
        )
    if flops > problem.training.budget_flops:
        return (
            f"train_flops: the budget of {format_count(problem.training.budget_flops)} FLOP binds; a loss of "
            f"{goal.max_loss:.4f} takes at least "
            f"{format_count(flops)} (--train-flops {flops * 1.01:.3g} would lift it)"
        )
    times = min(
        float((pool.tokens(goal.max_loss) / pool.affordable_tokens)[pool.possible].min()) for pool in pools
    )
    return (
        f"training budget: {problem.training.budget_gpu_s / SECONDS_PER_HOUR:,.0f} GPU hours bind; a loss of "
        f"{goal.max_loss:.4f} takes at least {times:.3g}× as many"
    )


def _cluster_words(training: Training) -> str:
    assert training.run is not None  # without a cluster every design can be trained
    cluster = training.run.cluster
    return f"{cluster.num_gpus} × {cluster.accelerator.name}"


def _beyond_budget(plan: "Plan") -> list[str]:
    """What more training would save in total, if some other expert count then comes out cheaper."""
    cheaper = [
        item.candidate
        for item in plan.alternatives
        if item.candidate and item.candidate.total_usd < plan.choice.total_usd * 0.99
    ]
    if not cheaper:
        return []
    best = min(cheaper, key=lambda candidate: candidate.total_usd)
    return [
        f"With {best.train_usd / plan.choice.train_usd:.1f}× the training, "
        f"{family_words(best.family)} with {format_count(best.params.active)} active would reach "
        f"the same loss for "
        f"{format_usd(best.total_usd)} in total instead of {format_usd(plan.choice.total_usd)}."
    ]


def _against_lowest(choice: Candidate, lowest: Candidate) -> str:
    return (
        f"The whole budget could reach {lowest.loss.value:.3f} with {family_words(lowest.family)}, "
        f"{format_count(lowest.params.active)} active: the choice gives up "
        f"{choice.loss.value - lowest.loss.value:.3f} nats and costs {format_usd(choice.total_usd)} in total "
        f"instead of {format_usd(lowest.total_usd)} ({format_change(choice.total_usd, lowest.total_usd)})."
    )


def _row(name: str, value: str, basis: Basis, source: str) -> Assumption:
    return Assumption(name=name, value=value, basis=basis, source=source)


def _price(use: str, price: GpuPrice) -> Assumption:
    return _row(f"{use} price", f"${price.usd_per_gpu_hour:g} per GPU hour", price.basis, price.source)
