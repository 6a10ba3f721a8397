"""The design to train, its run, its loss, its serving and its dollars, in words."""

import math
from pathlib import Path

from optimoe.core.units import (
    format_count,
    format_factor,
    format_seconds,
    format_usd,
)
from optimoe.laws.domain import SPOKEN
from optimoe.planner.candidate import Candidate
from optimoe.planner.explain.checks import check_commands
from optimoe.planner.explain.spending import OWNED, Spent, spent
from optimoe.planner.problem.traffic import Traffic
from optimoe.planner.problem.training import GivenMfu
from optimoe.planner.result import Plan
from optimoe.report.words.lines import Lines, labelled
from optimoe.report.words.memory_prose import tightness
from optimoe.report.words.plan.shapes import shape_words
from optimoe.report.words.plan.traffic import fleet_words
from optimoe.report.words.served.energy_prose import Energy, energy_words
from optimoe.report.words.served.run_prose import statistic
from optimoe.report.words.serving_prose import bound_words, layout_words, serving_energy
from optimoe.report.words.training_prose import days_words, hours_words, train_layout_words

SHOWN_SHARE = 0.0005
"""Share of routing in the training FLOPs from which it is said: what one decimal of a percentage shows."""


def choice_lines(plan: Plan) -> Lines:
    """What to train, the loss it reaches, what serves it and what it costs."""
    choice = plan.choice
    return [
        ("Model", shape_words(choice.spec, choice.params)),
        ("Train", f"{format_count(choice.tokens)} tokens · {run_words(plan)}"),
        ("Loss", loss_words(plan)),
        ("Serve", serving_words(plan)),
        ("Speed", speed_words(plan)),
        ("Energy", energy_words(_energies(plan))),
        ("Total", total_words(plan)),
    ]


def _energies(plan: Plan) -> list[Energy]:
    """Of the choice's run, and of a million tokens of its deployments at full use."""
    choice, trains = plan.choice, plan.problem.training.accelerator
    train = Energy(kwh=choice.training.energy_kwh, of="to train", gpu=trains)
    return [train, serving_energy(choice.deployment, choice.serving)]


def total_words(plan: Plan) -> str:
    """All dollars of the choice, and which of its GPUs are owned; all GPU hours where all are."""
    problem, choice = plan.problem, spent(plan, plan.choice)
    owned = problem.training.price.owned, plan.choice.deployment.price.owned
    train, serve = (
        f"{choice.words(name)}{' (owned GPUs)' if free and not choice.in_hours else ''}"
        for name, free in zip(("train", "serve"), owned, strict=True)
    )
    words = f"{choice.words()} = training {train} + serving {serve}"
    return f"{words} · {OWNED}, the fewest GPU hours are best" if choice.in_hours else words


def run_words(plan: Plan) -> str:
    """GPU time of the training run, its utilisation and its layout."""
    choice, training = plan.choice, plan.problem.training
    utilisation, run = training.utilisation, training.run
    if isinstance(utilisation, GivenMfu):
        known: str = utilisation.basis.value
    else:
        low, high = utilisation.band(choice.training.mfu)
        known = f"predicted, {low:.0%} – {high:.0%}"
    words = f"{hours_words(choice.training.gpu_hours_band)} at {choice.training.mfu:.0%} MFU ({known})"
    if training.goodput < 1:
        words += f" and {training.goodput:.1%} goodput"
    words += routing_words(choice)
    layout = choice.training.layout
    if run is None or layout is None:
        return words
    days, usd = days_words(choice.training.gpu_hours_band, run), choice.training.usd_band
    if not math.isnan(usd.low) and usd.value:
        days += f", {format_usd(usd.low)} – {format_usd(usd.high)}"
    split = train_layout_words(layout, choice.spec.num_layers, choice.training.idle_gpus)
    batch = f"{format_count(choice.training.batch_tokens)} tokens a step"
    return f"{words} · {days} · {batch} · {split}"


def routing_words(choice: Candidate) -> str:
    """What routing takes beyond 6ND, where it shows: `` · routing 1.2% beyond 6ND``."""
    share = choice.training.routing_flops / choice.training.flops
    return f" · routing {share:.1%} beyond 6ND" if share >= SHOWN_SHARE else ""


def loss_words(plan: Plan) -> str:
    """The loss with its band, its law and how far that law is stretched."""
    choice, law = plan.choice, plan.problem.law.row
    stretch = ", inside its fitted range"
    if beyond := beyond_words(choice):
        stretch = f", beyond its fitted range: {beyond}"
    elif plan.problem.law.unstated(choice.spec):
        stretch = ", its fitted range not wholly stated"
    if choice.assumed:
        stretch += ", by assumption"
    return f"{banded_loss(choice)} nats/token · {law.name}, {law.status}{stretch}"


def banded_loss(design: Candidate) -> str:
    """The loss of a design with the band of its law, where that is known: ``1.669 (1.620 – 1.720)``."""
    loss = design.loss
    return f"{loss.value:.3f}" + ("" if math.isnan(loss.low) else f" ({loss.low:.3f} – {loss.high:.3f})")


def serving_words(plan: Plan) -> str:
    """The GPUs that carry the traffic, their use, how one deployment is split, and the price of tokens."""
    choice, traffic = plan.choice, plan.problem.traffic
    price = price_words(spent(plan, choice), traffic)
    return f"{fleet_words(choice, traffic)} · {layout_words(choice.serving.layout)} · {price}"


def speed_words(plan: Plan) -> str:
    """Latency with the band of the cost model, what takes the most of it, and the requests at once."""
    choice, limits = plan.choice, plan.problem.limits
    ttft, tpot = (
        f" {statistic(share)}" if limits.on_percentiles else ""
        for share in (limits.ttft_percentile, limits.tpot_percentile)
    )
    serving = choice.serving
    most = f", most of it {bound_words(serving.bound_by)}" if choice.deployment.workload.decodes else ""
    return (
        f"TTFT{ttft} {format_seconds(choice.ttft_s)} · TPOT{tpot} {pace_words(choice)}{most} · "
        f"{serving.concurrency:,.0f} requests at once a deployment, {serving.max_batch:,.0f} would fit"
        f"{tightness(choice.spec, choice.deployment, serving, said='')}"
    )


def price_words(bill: Spent, traffic: Traffic) -> str:
    """The price of tokens, and the use of deployments at which it holds."""
    price = f"{bill.words('per_mtok')} per M output tokens"
    if traffic.rated:
        return f"{price} at full use"
    if traffic.utilisation < 1:
        return f"{price} at full use, each deployment {traffic.utilisation:.0%} used"
    return f"{price}, paid as if always full"


def pace_words(choice: Candidate) -> str:
    """TPOT with its band; – where answers have one token."""
    if not choice.deployment.workload.decodes:
        return "–"
    tpot = choice.tpot_band_s
    return f"{format_seconds(choice.tpot_s)} ({format_seconds(tpot.low)} – {format_seconds(tpot.high)})"


def check_lines(plan: Plan, folder: Path) -> Lines:
    """The commands that give the choice's numbers again, from the files that are written to a folder."""
    return labelled("Check", check_commands(plan, folder))


def beyond_words(design: Candidate) -> str:
    """How far outside the law's fitted range a design lies, by symbol: ``D 1.6×``; empty inside."""
    far = {symbol: 10**decades for symbol, decades in design.decades_beyond.items() if decades > 0}
    return ", ".join(f"{SPOKEN.get(symbol, symbol)} {format_factor(times)}" for symbol, times in far.items())
