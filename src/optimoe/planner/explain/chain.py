"""The chain of numbers from the inputs to the choice, each with its formula, basis and source."""

from dataclasses import dataclass

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.core.provenance import Basis, weakest
from optimoe.core.units import SECONDS_PER_HOUR, format_count, format_seconds, format_usd
from optimoe.planner.problem.goal import LowestLoss, NearBest
from optimoe.planner.problem.training import GivenMfu, Training
from optimoe.planner.result import Plan

OURS, PLANNING = "docs/cost-model.md", "docs/planning.md"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One number of the chain.

    Attributes:
        name: Name of the number.
        formula: How it follows from earlier numbers, with their values.
        value: The number in words, with its unit.
        basis: How it was obtained.
        source: Where the formula or the number stands.
    """

    name: str
    formula: str
    value: str
    basis: Basis
    source: str


def chain(plan: Plan) -> tuple[Link, ...]:
    """The links from the budget to the total, in the order of the calculation."""
    return (*_training(plan), *_loss(plan), *_serving(plan), *_dollars(plan), _search(plan))


def _training(plan: Plan) -> list[Link]:
    training, choice = plan.problem.training, plan.choice
    gpu, active = training.accelerator, format_count(choice.params.active)
    counted = "counted from the shape, both embeddings included"
    links = [
        _link("peak", gpu.name, f"{gpu.flops_per_s('bf16'):.4g} FLOP/s", Basis.PUBLISHED, gpu.source),
        _mfu(plan),
        _ours("N_act", counted, active, "optimoe.arch.params"),
    ]
    if training.bounded:
        sizes, mfu = choice.params, choice.training.mfu
        affordable = training.affordable_tokens(sizes.active, mfu, sizes.router)
        beyond = training.routing_flops_per_weight - TRAIN_FLOPS_PER_PARAM_TOKEN
        routing = (
            f" + {beyond:g} · {format_count(choice.params.router)} of routers" if choice.params.router else ""
        )
        by_flops = f"{training.budget_flops:.4g} FLOP ÷ (6 · N_act{routing})"
        by_time = f"{training.budget_gpu_s:.4g} GPU·s · peak · MFU{_goodput(training)} ÷ (6 · N_act)"
        stated = [words for words in (by_flops, by_time) if not words.startswith("inf")]
        links.append(_ours("D at most", ", ".join(stated), f"{format_count(affordable)} tokens", "C = 6·N·D"))
    return links


def _goodput(training: Training) -> str:
    """The factor of a predicted utilisation, in words."""
    return f" · {training.goodput:g} goodput" if training.goodput < 1 else ""


def _mfu(plan: Plan) -> Link:
    choice, utilisation = plan.choice, plan.problem.training.utilisation
    value = f"{choice.training.mfu:.1%} of the bf16 peak"
    if isinstance(utilisation, GivenMfu):
        routed = bool(choice.params.router)
        stated = f"{utilisation.mfu:.1%} stated for 6ND and routing, 6ND alone" if routed else "stated"
        return _link("MFU", stated, value, utilisation.basis, "or the default 40 %")
    low, high = utilisation.band(choice.training.mfu)
    layout = choice.training.layout
    degrees = ", ".join(f"{name} {getattr(layout, name)}" for name in ("tp", "ep", "pp", "dp", "zero"))
    formula = f"6ND over the step's time, best layout that fits ({degrees}), {low:.0%} – {high:.0%}"
    return _link("MFU", formula, value, Basis.FITTED, "data/training.toml, fitted on published runs")


def _loss(plan: Plan) -> list[Link]:
    choice, problem = plan.choice, plan.problem
    law, goal = problem.law, problem.goal
    inputs = {name: float(value) for name, value in law.variables(choice.spec).items()}
    words = ", ".join(f"{name} = {value:.4g}" for name, value in inputs.items())
    links = []
    if plan.lowest_loss is not None:
        value = f"{plan.lowest_loss.loss.value:.4f}"
        links.append(_law(plan, "lowest loss", "least L over the space, the whole budget spent", value))
    if isinstance(goal, NearBest) and plan.lowest_loss is not None:
        formula = f"{plan.lowest_loss.loss.value:.4f} · (1 + {goal.loss_slack:g}) + {goal.slack_nats:g}"
        links.append(_ours("loss allowed", formula, f"{choice.loss.value:.4f}", "the goal"))
    asked = "the budget's tokens" if isinstance(goal, LowestLoss) else "tokens that reach the loss allowed"
    links.append(_law(plan, "D", asked, f"{format_count(choice.tokens)} tokens"))
    formula = f"{law.row.name}({words}, D = {choice.tokens:.4g})"
    links.append(_law(plan, "L", formula, f"{choice.loss.value:.4f} nats"))
    return links


def _serving(plan: Plan) -> list[Link]:
    choice, workload = plan.choice, plan.problem.workload
    kernels = "data/operators/, efficiency.toml"
    causes = {name.removesuffix("_s").replace("_", " "): seconds for name, seconds in choice.serving.parts.items()}
    links = [
        _link(f"token: {cause}", "kernels of one decode step", format_seconds(seconds), Basis.FITTED, kernels)
        for cause, seconds in sorted(causes.items(), key=lambda part: -part[1])
        if seconds > 0
    ]
    if workload.decodes:
        links.append(_ours("TPOT", "the sum of these", format_seconds(choice.tpot_s), OURS))
    links.append(_ours("TTFT", "front + step + prompts before + own prompt", format_seconds(choice.ttft_s), OURS))
    running = f"{choice.serving.concurrency:.0f}"
    if choice.serving.at_random:
        rate = f"Poisson arrivals that keep {running} requests running, in the mean"
    else:
        e2e_s = choice.ttft_s + (workload.output_tokens - 1) * choice.tpot_s
        formula = f"TTFT + ({workload.output_tokens} − 1) · TPOT"
        links.append(_ours("e2e", formula, format_seconds(e2e_s), OURS))
        rate = f"{running} · {workload.output_tokens} ÷ e2e"
    links.append(_ours("output tokens/s", rate, f"{choice.serving.tokens_per_s:,.0f}", OURS))
    return links


def _dollars(plan: Plan) -> list[Link]:
    choice, problem = plan.choice, plan.problem
    price, num_gpus = choice.deployment.price, choice.deployment.cluster.num_gpus
    rate = f"{choice.serving.tokens_per_s:,.0f}"
    per_mtok = f"{num_gpus} · {price.usd_per_gpu_hour:g} USD/h ÷ 3600 ÷ {rate} · 10⁶"
    train_price = problem.training.price
    trained = f"{choice.training.flops:.4g} FLOP ÷ (peak · MFU{_goodput(problem.training)})"
    hours = f"{choice.training.gpu_hours:,.0f} GPU hours · {train_price.usd_per_gpu_hour:g} USD/h"
    trained_on = weakest(train_price.basis, _mfu(plan).basis, Basis.DERIVED)
    served_on = weakest(price.basis, Basis.FITTED, Basis.DERIVED)
    both = weakest(trained_on, served_on)
    return [
        _link("USD per M tokens", per_mtok, format_usd(choice.usd_per_mtok), served_on, price.source),
        *_fleet(plan),
        _link("serving", _served_words(plan), format_usd(choice.serve_usd), served_on, "the traffic"),
        _link("GPU hours", trained, f"{choice.training.gpu_hours:,.0f}", trained_on, "C = 6·N·D"),
        _link("training", hours, format_usd(choice.train_usd), trained_on, train_price.source),
        _link("total", "training + serving", format_usd(choice.total_usd), both, PLANNING),
    ]


def _fleet(plan: Plan) -> list[Link]:
    """The whole deployments that carry a traffic with a rate."""
    traffic, choice = plan.problem.traffic, plan.choice
    if not traffic.rated:
        return []
    one, load = float(choice.serving.tokens_per_s), traffic.peak_tokens_per_s
    formula = f"⌈{load:,.0f} output tokens/s at the peak ÷ {one:,.0f}⌉"
    gpus = choice.deployment.cluster.num_gpus
    value = f"{choice.fleet.deployments:,.0f} × {gpus} GPUs, {choice.fleet.utilisation:.0%} used at the peak"
    return [_link("deployments", formula, value, Basis.DERIVED, PLANNING)]


def _served_words(plan: Plan) -> str:
    """How the dollars of serving follow: from GPU hours of whole deployments, or from tokens."""
    traffic, choice = plan.problem.traffic, plan.choice
    if traffic.rated:
        price = choice.deployment.price.usd_per_gpu_hour
        return f"{choice.fleet.num_gpus:,.0f} GPUs · {traffic.life_s / SECONDS_PER_HOUR:,.0f} h · {price:g} USD/h"
    used = f" ÷ {traffic.utilisation:g} used" if traffic.utilisation < 1 else ""
    return f"{format_count(traffic.lifetime_tokens)} ÷ 10⁶ · {choice.usd_per_mtok:.4g}{used}"


def _search(plan: Plan) -> Link:
    """Whether the choice is the best of the space, or what was priced, estimated and not looked at."""
    trace = plan.trace
    if trace.whole:
        words = f"every one of {trace.points:,} points priced ({trace.space:,} designs × {trace.deployments})"
        return _ours("optimal", words, "the best of the space", PLANNING)
    formula = (
        f"of {trace.points:,} points ({trace.space:,} designs × {trace.deployments} deployments) the losses of "
        f"{trace.listed:,} designs, {trace.priced_points:,} points priced, {trace.estimated_points:,} estimated, "
        f"{trace.not_looked_at:,} designs between those not looked at"
    )
    left = f"{trace.promising:,} designs may be better still by their margins" if trace.promising else ""
    if trace.searched != "the space":
        left = f"the best {trace.searched}, not of the space"
    return _ours("optimal", formula, left or "all others bounded away by estimates and their margins", PLANNING)


def _link(name: str, formula: str, value: str, basis: Basis, source: str) -> Link:
    return Link(name=name, formula=formula, value=value, basis=basis, source=source)


def _ours(name: str, formula: str, value: str, source: str) -> Link:
    return _link(name, formula, value, Basis.DERIVED, source)


def _law(plan: Plan, name: str, formula: str, value: str) -> Link:
    row = plan.problem.law.row
    return _link(name, formula, value, row.basis, row.source)
