"""Answers about serving: a deployment, a fleet, curves."""

from typing import TYPE_CHECKING, Any

from optimoe.app.notes import (
    warn_beyond_context,
    warn_of_formats,
    warn_of_notes,
    warn_of_share,
    warn_without_price,
)
from optimoe.app.replies.reply import Reply
from optimoe.app.waiting import stage
from optimoe.inputs.cost import CostRequest, CurvesRequest, FleetRequest

if TYPE_CHECKING:
    from optimoe.cost.sizing.curves import Curves
    from optimoe.report.records.sizing import FleetsRecord
    from optimoe.report.words.lines import Lines


def cost(request: CostRequest) -> Reply:
    """Latency, throughput and price of a model that is served."""
    from optimoe.cost.serving.accuracy.evidence import evidence
    from optimoe.cost.serving.cache import kv_tokens
    from optimoe.cost.serving.memory import gpu_memory
    from optimoe.cost.sizing.candidates import every_layout
    from optimoe.cost.sizing.feasibility import startable
    from optimoe.cost.sizing.layouts import best_serving
    from optimoe.report.records.serving import serving_record
    from optimoe.report.words.serving_prose import serving_lines

    spec, deployment = request.spec(), request.deployment()
    gpu = deployment.cluster.accelerator.name
    warn_of_notes(deployment.cluster.accelerator)
    warn_of_formats(deployment.serves(spec))
    warn_beyond_context(spec, deployment.workload)
    warn_without_price(gpu, deployment.price, request.price)
    deployment = startable(spec, deployment, every_layout(spec, deployment, request.layout.fixed()))
    warn_of_share(request.engine, deployment.engine)
    with stage("searching layouts"):
        estimate = best_serving(spec, deployment, fixed=request.layout.fixed(), concurrency=request.concurrency)
    machine, engine, workload = deployment.machine(estimate.layout), deployment.engine, deployment.workload
    memory = gpu_memory(machine, engine, spec, workload)
    capacity = kv_tokens(machine, engine, spec, memory.cache, workload.full_context)
    return Reply(
        record=lambda: serving_record(spec, deployment, estimate),
        blocks=lambda: [
            serving_lines(estimate, memory, capacity, spec, deployment, evidence(spec, deployment, estimate))
        ],
    )


def fleet(request: FleetRequest) -> Reply:
    """The fewest and the cheapest GPUs that carry a load within the limits."""
    from optimoe.cost.serving.accuracy.evidence import evidence
    from optimoe.cost.sizing.fleet import fleets
    from optimoe.report.records.sizing import fleets_record
    from optimoe.report.words.lines import Table
    from optimoe.report.words.serving_prose import fleet_lines, fleet_rows

    spec, offers = request.spec(), request.offers()
    deployment = request.on(offers[0].cluster)
    warn_of_formats(deployment.serves(spec))
    warn_beyond_context(spec, deployment.workload)
    load = request.load(deployment)
    for offer in offers:
        warn_of_notes(offer.cluster.accelerator)
        warn_without_price(offer.cluster.accelerator.name, offer.price, request.price)
    with stage("sizing fleets"):
        found = fleets(spec, deployment, offers, load)
    best = found[0]

    def record() -> "FleetsRecord":
        return fleets_record(spec, load, deployment.limits, found)

    def lines() -> "Lines":
        return fleet_lines(found, spec, load, evidence(spec, best.deployment, best.estimate))

    def page() -> str:
        from optimoe.report.pages.answer_page import fleets_page

        return fleets_page(record(), lines(), Table(rows=fleet_rows(found)))

    return Reply(
        record=record,
        blocks=lambda: [lines(), Table(rows=fleet_rows(found))],
        page=page,
        rows=lambda record: record.fleets,
        figures={"fleets": _fleets},
    )


def _fleets(record: "FleetsRecord") -> Any:
    from optimoe.report.pages.figures.models import fleets_figure

    return fleets_figure(record)


def drawn_curves(request: CurvesRequest) -> "Curves":
    """Speed against throughput over all layouts, and price against context and batch."""
    from optimoe.cost.sizing.curves import curves

    spec, deployment = request.spec(), request.deployment()
    warn_of_notes(deployment.cluster.accelerator)
    warn_without_price(deployment.cluster.accelerator.name, deployment.price, request.price)
    warn_of_formats(deployment.serves(spec))
    with stage("tracing curves over all layouts"):
        return curves(spec, deployment)


def curves(request: CurvesRequest) -> Reply:
    """The curves of a deployment."""
    from optimoe.report.pages import serving_page
    from optimoe.report.records.sizing import curves_record
    from optimoe.report.words.lines import Table

    drawn = drawn_curves(request)
    return Reply(
        record=lambda: curves_record(request.spec(), drawn),
        blocks=lambda: [Table(rows=serving_page.frontier_rows(drawn.frontier.points))],
        rows=lambda record: record.frontier.points,
        figures={
            "frontier": lambda _: serving_page.frontier_figure(drawn),
            "context": lambda _: serving_page.context_figure(drawn),
            "batch": lambda _: serving_page.batch_figure(drawn),
            "tpot": lambda _: serving_page.parts_figure(drawn),
        },
    )
