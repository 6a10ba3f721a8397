"""Deployments in labelled lines and tables."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from optimoe.arch.memory import main_format
from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.arch.spec import ArchSpec
from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.engines.formats import format_words
from optimoe.cost.hardware.energy import kwh_per_mtok
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence
from optimoe.cost.serving.cache import CacheCapacity
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import GpuMemory, gpu_memory
from optimoe.cost.sizing.curves import Curves
from optimoe.cost.sizing.disaggregation import Disaggregated
from optimoe.cost.sizing.fleet import Fleet, LongestContext
from optimoe.report.words.lines import Deciding, Lines
from optimoe.report.words.memory_prose import ONLY_JUST, memory_lines, tightness
from optimoe.report.words.served.energy_prose import Energy, energy_words
from optimoe.report.words.served.evidence_prose import basis_lines
from optimoe.report.words.served.run_prose import arrival_words, metric_lines


def layout_words(layout: Layout) -> str:
    """Degrees of parallelism above one: ``tp 4 × dp 2, ep 8``; tp, pp and dp multiply to the GPUs."""
    used, beside = (
        [f"{name} {int(getattr(layout, name))}" for name in names if getattr(layout, name) > 1]
        for names in (("tp", "pp", "dp"), ("ep", "sp"))
    )
    if layout.resident < 1:
        beside.append(f"{layout.resident:.0%} of the experts resident")
    if layout.redundant_experts:
        beside.append(f"{layout.redundant_experts} redundant experts a layer")
    return ", ".join([" × ".join(used) or "not split", *beside])


def serving_lines(
    estimate: ServingEstimate,
    memory: GpuMemory,
    capacity: CacheCapacity,
    spec: ArchSpec,
    deployment: Deployment,
    evidence: AnswerEvidence,
) -> Lines:
    """Labelled lines about a model that is served."""
    gpus = f"{deployment.cluster.num_gpus} × {deployment.cluster.accelerator.name}"
    parts = sorted(estimate.parts.items(), key=lambda part: -float(part[1]))
    shares = ", ".join(
        f"{bound_words(cause.removesuffix('_s').replace('_', ' ')).removeprefix('the ')} "
        f"{format_seconds(float(seconds))}"
        for cause, seconds in parts
        if seconds > 0.005 * estimate.tpot_s
    )
    copies = f", {estimate.layout.replicas:.0f} copies of the model" if estimate.layout.replicas > 1 else ""
    return [
        ("Model", f"{spec.title} on {gpus}, {layout_words(estimate.layout)}{copies}"),
        ("Weights", precision_words(spec, deployment)),
        *memory_lines(estimate, memory, capacity),
        (
            Deciding("Latency"),
            f"TTFT {_between(estimate.ttft_s, evidence.ttft_s(estimate))} · TPOT {_pace(estimate, evidence)}",
        ),
        *metric_lines(estimate.run, deployment.limits),
        (
            Deciding("Rate"),
            f"{_rate(estimate, evidence)} output tokens/s, {estimate.tokens_per_s_per_gpu:,.0f} per GPU · "
            f"{_price(estimate, evidence)}",
        ),
        ("Energy", energy_words([serving_energy(deployment, estimate)])),
        *_reading(estimate, deployment),
        *([("TPOT is", f"{shares}: bound by {bound_words(estimate.bound_by)}")] if estimate.tpot_s > 0 else []),
        *basis_lines(evidence),
    ]


def serving_energy(deployment: Deployment, estimate: ServingEstimate) -> Energy:
    """Energy of a million output tokens, where every deployment is always full."""
    kwh = float(kwh_per_mtok(deployment.cluster, float(estimate.tokens_per_s)))
    return Energy(kwh=kwh, of="per M output tokens", gpu=deployment.cluster.accelerator)


def _tpot(seconds: float) -> str:
    """A time per token after the first, where there are any."""
    return format_seconds(seconds) if seconds else "–"


def _pace(estimate: ServingEstimate, evidence: AnswerEvidence) -> str:
    """TPOT with its band, or why there is none."""
    if estimate.tpot_s == 0:
        return "– (answers have one token)"
    return _between(estimate.tpot_s, evidence.tpot_s(estimate))


def _reading(estimate: ServingEstimate, deployment: Deployment) -> Lines:
    """What prompts alone come to, where nothing is decoded after them."""
    if deployment.workload.decodes:
        return []
    requests_per_s = estimate.tokens_per_s / deployment.workload.output_tokens
    tokens_per_s = requests_per_s * deployment.workload.input_tokens
    return [("Prompts", f"{requests_per_s:,.1f} requests/s, {tokens_per_s:,.0f} prompt tokens/s")]


def precision_words(spec: ArchSpec, deployment: Deployment) -> str:
    """Name the formats in which a model is served, and who states them: ``experts mxfp4, rest bf16 (stated)``."""
    served = deployment.serves(spec)
    source = f" ({served.precisions.source})" if served.precisions.source else ""
    return f"{format_words(served)}{source}; cache {deployment.cache_format(spec)}"


BOUND_WORDS = {
    "expert reads": "the reads of routed experts",
    "weight reads": "the reads of the other weights",
    "kv reads": "the reads of the cache",
    "host reads": "the reads of experts from the host",
    "compute": "arithmetic",
    "launch": "launches and the engine's own time",
    "all reduce": "all-reduces",
    "all to all": "dispatch to experts and combine",
    "pipeline": "sends between stages",
    "wait for ranks": "the wait for the prompts of other ranks",
    "prefill of others": "the prompts of other requests",
    "random arrivals": "requests that come at random",
}
"""What binds, in words."""


def bound_words(cause: str) -> str:
    """What binds, in words that say of which part of the model."""
    return BOUND_WORDS.get(cause, cause)


def gpu_price(one: ServingEstimate) -> float:
    """Dollars per million output tokens, or GPU hours where no price is known."""
    priced = one.usd_per_mtok == one.usd_per_mtok
    return float(one.usd_per_mtok if priced else 1e6 / 3600 / one.tokens_per_s_per_gpu)


def price_unit(deployment: Deployment) -> str:
    """What :func:`gpu_price` is in."""
    known = deployment.price.usd_per_gpu_hour == deployment.price.usd_per_gpu_hour
    return "USD per million output tokens" if known else "GPU hours per million output tokens"


def curves_sentence(curves: Curves) -> str:
    """The cheapest point of a frontier and the fastest one."""
    points = curves.frontier.points
    cheapest, fastest = min(points, key=gpu_price), points[0]
    return (
        f"Cheapest at {gpu_price(cheapest):.3g} {price_unit(curves.deployment)}, with "
        f"{cheapest.concurrency:,.0f} requests in flight at {format_seconds(cheapest.tpot_s)} a token "
        f"({layout_words(cheapest.layout)}); fastest for a user at {format_seconds(fastest.tpot_s)} a token, for "
        f"{gpu_price(fastest) / gpu_price(cheapest):.3g} times that price."
    )


def fleet_lines(
    found: Sequence[Fleet], spec: ArchSpec, output_tokens_per_s: float, evidence: AnswerEvidence
) -> Lines:
    """The smallest fleet and the cheapest, in words, and what stands behind the smallest."""
    lines = [("Load", f"{spec.title}: {output_tokens_per_s:,.0f} output tokens/s")]
    lines.append(("Weights", precision_words(spec, found[0].deployment)))
    lines.append((Deciding("Fewest"), _fleet_words(found[0], spec)))
    priced = [one for one in found if not math.isnan(one.usd_per_hour)]
    if priced:
        cheapest = min(priced, key=lambda one: one.usd_per_hour)
        lines.append((Deciding("Cheapest"), "the same" if cheapest is found[0] else _fleet_words(cheapest, spec)))
    best, served = found[0].estimate, found[0].deployment.serves(spec)
    lines.append(("Bound by", f"{bound_words(best.bound_by)}: {_remedy(best.bound_by, served)}"))
    arrivals = arrival_words(found[0].deployment.limits)
    lines.append(("TTFT, TPOT", f"of {arrivals}. TTFT to the first token; TPOT (e2e − TTFT)/(output − 1)"))
    return [*lines, *basis_lines(evidence)]


def fleet_rows(found: Sequence[Fleet]) -> list[tuple[str, ...]]:
    """Every offer, the smallest fleet first."""
    heads = ("GPUs", "deployments", "layout", "in flight", "used", "TTFT", "TPOT", "USD/hour", "USD/Mtok")
    rows: list[tuple[str, ...]] = [heads]
    for one in found:
        cluster, estimate = one.deployment.cluster, one.estimate
        rows.append(
            (
                f"{one.num_gpus} × {cluster.accelerator.name}",
                f"{one.num_deployments} × {cluster.num_gpus}",
                layout_words(estimate.layout),
                f"{estimate.concurrency:.0f}",
                f"{one.utilisation:.0%}",
                format_seconds(estimate.ttft_s),
                _tpot(estimate.tpot_s),
                _usd(one.usd_per_hour),
                _usd(estimate.usd_per_mtok / one.utilisation),
            )
        )
    return rows


BOUNDS = {
    "memory": "memory",
    "limits": "the limits on latency",
    "trained context": "the longest sequence that the model was made for",
    "search": "nothing: here the search ends",
}
"""What ends the longest prompt, in words."""


def context_lines(arch: ArchSpec, deployment: Deployment, longest: LongestContext) -> Lines:
    """The longest prompt and how it is served."""
    cluster, estimate, tokens = deployment.cluster, longest.estimate, longest.tokens
    least = "at least " if longest.bound_by == "search" else ""
    answer = deployment.workload.output_tokens
    memory = gpu_memory(
        deployment.machine(estimate.layout),
        deployment.engine,
        arch,
        replace(deployment.workload, input_tokens=tokens),
    )
    just = memory.verdict(estimate.concurrency / estimate.layout.dp) == "only just"
    return [
        ("Model", f"{arch.title} on {cluster.num_gpus} × {cluster.accelerator.name}"),
        ("Weights", precision_words(arch, deployment)),
        (
            Deciding("Longest"),
            f"{least}{tokens:,} tokens ({format_count(tokens)}) of prompt and {answer:,} of answer, "
            f"{tokens + answer:,} in all, for {estimate.concurrency:.0f} at once, {layout_words(estimate.layout)}",
        ),
        *([("", f"fits, but only just: {ONLY_JUST}")] if just else []),
        ("Latency", f"TTFT {format_seconds(estimate.ttft_s)} · TPOT {_tpot(estimate.tpot_s)}"),
        ("Bound by", BOUNDS[longest.bound_by]),
    ]


def disaggregated_lines(pair: Disaggregated, together: float, spec: ArchSpec, deployment: Deployment) -> Lines:
    """Two pools, and what GPUs that do both reach."""
    gpu = deployment.cluster.accelerator.name
    against = "GPUs that do both do not meet the limits"
    if together:
        against = f"{pair.tokens_per_s_per_gpu / together - 1:+.0%} against GPUs that do both"
    return [
        ("Model", f"{spec.title} on {gpu}, {pair.prefill_share:.0%} of the GPUs prefill"),
        ("Weights", precision_words(spec, deployment)),
        (
            "Prefill",
            f"{layout_words(pair.prefill_layout)}, TTFT {format_seconds(pair.ttft_s)}: "
            f"{pair.prefill_requests_per_s:,.3g} requests/s a unit, "
            f"{pair.prefill_tokens_per_s_per_gpu:,.0f} prompt tokens/s per GPU",
        ),
        (
            "Decode",
            f"{layout_words(pair.decode_layout)}, {pair.running:.0f} requests in flight, "
            f"TPOT {format_seconds(pair.tpot_s)}: {pair.decode_requests_per_s:,.3g} requests/s a unit, "
            f"{pair.decode_tokens_per_s_per_gpu:,.0f} output tokens/s per GPU",
        ),
        ("Between", f"the cache of a prompt takes {format_seconds(pair.transfer_s)} over the network"),
        (
            Deciding("Rate"),
            f"{pair.tokens_per_s_per_gpu:,.0f} output tokens/s per GPU, {_usd(pair.usd_per_mtok)} per M: "
            f"{against}",
        ),
    ]


def _fleet_words(one: Fleet, spec: ArchSpec) -> str:
    layout, cluster = one.estimate.layout, one.deployment.cluster
    return (
        f"{one.num_gpus} × {cluster.accelerator.name} = {one.num_deployments} deployments of {cluster.num_gpus} "
        f"({layout_words(layout)}), {one.estimate.concurrency:.0f} requests in flight each, "
        f"{one.utilisation:.0%} used, {_hour_words(one.usd_per_hour)}"
        f"{tightness(spec, one.deployment, one.estimate)}"
    )


def _hour_words(usd_per_hour: float) -> str:
    return f"{_usd(usd_per_hour)} an hour" if usd_per_hour else "owned GPUs: no dollars"


REMEDIES = {
    "prefill of others": "a prefix cache, shorter prompts, or separate GPUs for prefill lower it",
    "kv reads": "a lower --kv-precision, or a model with fewer key-value heads",
    "weight reads": "a lower --precision, or a larger tp",
    "expert reads": "a lower --precision, a larger ep, or a batch that fills the experts",
    "launch": "fewer layers, or a larger batch",
    "all reduce": "a smaller tp",
    "all to all": "--overlap, or a smaller ep",
    "compute": "a lower --precision on GPUs that have it",
    "host reads": "a larger --resident share",
    "pipeline": "fewer stages",
    "random arrivals": "a smaller batch, or a limit on fewer of the requests",
    "wait for ranks": "fewer attention ranks (--dp), shorter prompts, or separate GPUs for prefill",
}
"""What to change, by what binds."""


FEWEST_BITS = 5
"""Formats of fewer bits, scales included, than this are the lowest there are."""

FEWEST_BITS_REMEDIES = {
    "weight reads": "a larger tp",
    "expert reads": "a larger ep, or a batch that fills the experts",
    "compute": "a lower --activation-precision on GPUs that have it",
}
"""The same of weights in four bits already."""


def _remedy(cause: str, served: ArchSpec) -> str:
    least = BITS_PER_VALUE[main_format(served)] < FEWEST_BITS
    return (REMEDIES | FEWEST_BITS_REMEDIES if least else REMEDIES)[cause]


def _rate(estimate: ServingEstimate, evidence: AnswerEvidence) -> str:
    low, high = evidence.tokens_per_s(estimate)
    return f"{estimate.tokens_per_s:,.0f} ({low:,.0f} – {high:,.0f})"


def _price(estimate: ServingEstimate, evidence: AnswerEvidence) -> str:
    if math.isnan(estimate.usd_per_mtok):
        return "no price per M output tokens"
    if estimate.usd_per_mtok == 0:
        return "owned GPUs: no dollars"
    low, high = evidence.usd_per_mtok(estimate)
    price = f"{_usd(estimate.usd_per_mtok)} ({_usd(low)} – {_usd(high)})"
    return f"{price} per M output tokens, their prompts included"


def _between(seconds: Any, band: tuple[Any, Any]) -> str:
    low, high = band
    return f"{format_seconds(seconds)} ({format_seconds(low)} – {format_seconds(high)})"


def _usd(amount: float) -> str:
    return "no price" if math.isnan(amount) else format_usd(amount) if amount else "owned"
