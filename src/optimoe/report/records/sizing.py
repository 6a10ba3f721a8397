"""JSON of ``optimoe cost fleet``, ``context``, ``disaggregate`` and ``curves``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import UNSET, UnsetType

from optimoe.arch.spec import ArchSpec
from optimoe.core.records import same_fields
from optimoe.cost.serving.accuracy.evidence import evidence as evidence_of
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import Verdict, gpu_memory
from optimoe.cost.serving.workload import Limits
from optimoe.cost.sizing.curves import Curves
from optimoe.cost.sizing.disaggregation import Disaggregated
from optimoe.cost.sizing.fleet import Bound, Fleet, LongestContext
from optimoe.report.records.deployment import (
    DeploymentRecord,
    LayoutRecord,
    PriceRecord,
    deployment_record,
    layout_record,
    price_record,
)
from optimoe.report.records.served.evidence import AnswerEvidenceRecord, evidence_record


@dataclass(frozen=True, kw_only=True)
class FleetRecord:
    """Equal deployments that carry a load together.

    Attributes:
        gpu: The accelerator's name.
        num_gpus: GPUs of the whole fleet.
        num_deployments: Number of deployments.
        gpus_per_deployment: GPUs of one deployment.
        layout: Degrees of parallelism of one deployment.
        concurrency: Requests in flight in one deployment.
        utilisation: Load over what the fleet can carry.
        usd_per_hour: Dollars per hour of all its GPUs; null without a price.
        usd_per_mtok: Dollars per million output tokens at that utilisation; null without a price.
        ttft_s: Time to the first token: the mean, or the stated percentile.
        tpot_s: Time per output token after the first: mean or stated percentile; null where there is none.
        ttft_low_s: Lower end of TTFT's band.
        ttft_high_s: Upper end of TTFT's band.
        tpot_low_s: Lower end of TPOT's band.
        tpot_high_s: Upper end of TPOT's band.
        tokens_per_s: Output tokens per second that one deployment can carry.
        fits: "yes", or "only just" where the most memory that the engine is known to take would leave too little.
        bound_by: The cause that takes the largest share of TPOT.
        price: Price of a GPU hour.
        evidence: What was measured of the answer's kind, and what widens its bands.
    """

    gpu: str
    num_gpus: int
    num_deployments: int
    gpus_per_deployment: int
    layout: LayoutRecord
    concurrency: float
    utilisation: float
    usd_per_hour: float | None
    usd_per_mtok: float | None
    ttft_s: float
    tpot_s: float | None
    ttft_low_s: float
    ttft_high_s: float
    tpot_low_s: float
    tpot_high_s: float
    tokens_per_s: float
    fits: Verdict
    bound_by: str
    price: PriceRecord
    evidence: AnswerEvidenceRecord


@dataclass(frozen=True, kw_only=True)
class FleetsRecord:
    """Fleets that carry a load within the limits.

    Attributes:
        name: The model's name.
        output_tokens_per_s: The load.
        percentile: Share of requests that keep the limits under random arrivals, the larger of the two; 0 where
            they are on means.
        ttft_percentile: Share whose TTFT is told and limited; 0 is the mean.
        tpot_percentile: Share whose TPOT is told and limited; 0 is the mean.
        fleets: The smallest first.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    output_tokens_per_s: float
    percentile: float
    ttft_percentile: float
    tpot_percentile: float
    fleets: tuple[FleetRecord, ...]
    speculated: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class ContextRecord:
    """The longest prompt that fits the memory and keeps the limits.

    Attributes:
        name: The model's name.
        input_tokens: Tokens of that prompt.
        concurrency: Requests in flight.
        ttft_s: Mean time to the first token.
        tpot_s: Mean time per output token after the first; null where there is none.
        layout: Degrees of parallelism.
        output_tokens: Tokens of the answer that stay free beside the prompt.
        bound_by: What one token more would break: "memory", "limits" on latency, the model's "trained context"; or
            "search", where the search itself ends and longer ones may serve.
        max_context: Tokens of the longest sequence that the model was made for; absent where it does not say.
        fits: "yes", or "only just" where the most memory that the engine is known to take would leave too little.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    input_tokens: int
    concurrency: float
    ttft_s: float
    tpot_s: float | None
    layout: LayoutRecord
    output_tokens: int
    bound_by: Bound
    fits: Verdict
    max_context: int | UnsetType = UNSET
    speculated: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class DisaggregationRecord:
    """Two pools of GPUs, one for prefill and one for decoding.

    Attributes:
        name: The model's name.
        prefill_layout: Degrees of parallelism of one prefill unit.
        decode_layout: Degrees of parallelism of one decode unit.
        prefill_gpus_per_request: GPU seconds that one request takes in the prefill pool.
        decode_gpus_per_request: GPU seconds that one request takes in the decode pool.
        prefill_requests_per_s: Requests that one prefill unit carries in a second.
        decode_requests_per_s: Requests that one decode unit carries in a second.
        prefill_tokens_per_s_per_gpu: Tokens of prompts that one prefill GPU reads in a second.
        decode_tokens_per_s_per_gpu: Tokens of answers that one decode GPU writes in a second.
        running: Requests of a decode unit.
        ttft_s: Time to the first token: queue, prefill, and the sending of the cache.
        tpot_s: Time per output token: a decode step that no prompt stalls.
        transfer_s: Time of a prompt's cache over the network.
        tokens_per_s_per_gpu: Output tokens per second of one GPU, both pools together.
        usd_per_mtok: Dollars per million output tokens; null without a price.
        prefill_share: Share of the GPUs that prefill.
        together_tokens_per_s_per_gpu: The rate of GPUs that do both, for comparison; 0 where none meet the limits.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    prefill_layout: LayoutRecord
    decode_layout: LayoutRecord
    prefill_gpus_per_request: float
    decode_gpus_per_request: float
    prefill_requests_per_s: float
    decode_requests_per_s: float
    prefill_tokens_per_s_per_gpu: float
    decode_tokens_per_s_per_gpu: float
    running: float
    ttft_s: float
    tpot_s: float
    transfer_s: float
    tokens_per_s_per_gpu: float
    usd_per_mtok: float | None
    prefill_share: float
    together_tokens_per_s_per_gpu: float
    speculated: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class EstimateRecord:
    """One layout at one batch.

    Attributes:
        layout: Degrees of parallelism, all of them.
        concurrency: Requests in flight over all replicas.
        max_batch: Most requests in flight whose full contexts fit the memory.
        ttft_s: Mean time to the first token.
        tpot_s: Mean time per output token after the first; null where there is none.
        tokens_per_s: Output tokens per second of the deployment.
        tokens_per_s_per_gpu: Output tokens per second of one GPU.
        usd_per_mtok: Dollars per million output tokens; null without a price.
        parts: Seconds of TPOT by cause.
        bound_by: The cause that takes the largest share of TPOT.
        ttft_low_s: Lower end of TTFT's band.
        ttft_high_s: Upper end of TTFT's band.
        tpot_low_s: Lower end of TPOT's band.
        tpot_high_s: Upper end of TPOT's band.
        tokens_low_per_s_per_gpu: Lower end of the band of one GPU's output tokens per second.
        tokens_high_per_s_per_gpu: Upper end of the same.
        usd_low_per_mtok: Lower end of the price's band; null without a price.
        usd_high_per_mtok: Upper end of the price's band; null without a price.
    """

    layout: LayoutRecord
    concurrency: float
    max_batch: float
    ttft_s: float
    tpot_s: float | None
    tokens_per_s: float
    tokens_per_s_per_gpu: float
    usd_per_mtok: float | None
    parts: dict[str, float]
    bound_by: str
    ttft_low_s: float
    ttft_high_s: float
    tpot_low_s: float
    tpot_high_s: float
    tokens_low_per_s_per_gpu: float
    tokens_high_per_s_per_gpu: float
    usd_low_per_mtok: float | None
    usd_high_per_mtok: float | None


@dataclass(frozen=True, kw_only=True)
class FrontierRecord:
    """Points that no other beats in both tokens per second of a user and of a GPU.

    Attributes:
        points: The fastest for a user first.
        tried: Pairs of layout and batch that were tried.
    """

    points: tuple[EstimateRecord, ...]
    tried: int


@dataclass(frozen=True, kw_only=True)
class CurvesRecord:
    """How serving changes with batch, context and layout.

    Attributes:
        name: The model's name.
        deployment: GPUs, requests, limits, price and engine.
        frontier: Speed of a user against throughput of a GPU.
        by_context: Pairs: tokens of a prompt, and the cheapest deployment for it.
        by_batch: The cheapest layout at every batch that fits.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    deployment: DeploymentRecord
    frontier: FrontierRecord
    by_context: tuple[tuple[int, EstimateRecord], ...]
    by_batch: tuple[EstimateRecord, ...]
    speculated: str | UnsetType = UNSET


def _fits(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> Verdict:
    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, deployment.workload)
    return memory.verdict(estimate.concurrency / estimate.layout.dp)


def fleet_record(spec: ArchSpec, fleet: Fleet) -> FleetRecord:
    """A fleet with the latency and price of its deployments."""
    estimate, cluster = fleet.estimate, fleet.deployment.cluster
    evidence = evidence_of(spec, fleet.deployment, estimate)
    (ttft_low_s, ttft_high_s), (tpot_low_s, tpot_high_s) = evidence.ttft_s(estimate), evidence.tpot_s(estimate)
    return same_fields(
        FleetRecord,
        fleet,
        gpu=cluster.accelerator.name,
        gpus_per_deployment=cluster.num_gpus,
        layout=layout_record(estimate.layout),
        concurrency=estimate.concurrency,
        usd_per_mtok=estimate.usd_per_mtok / fleet.utilisation,
        ttft_s=estimate.ttft_s,
        tpot_s=estimate.tpot_s or None,
        ttft_low_s=ttft_low_s,
        ttft_high_s=ttft_high_s,
        tpot_low_s=tpot_low_s,
        tpot_high_s=tpot_high_s,
        tokens_per_s=estimate.tokens_per_s,
        fits=_fits(spec, fleet.deployment, estimate),
        bound_by=estimate.bound_by,
        price=price_record(fleet.deployment.price),
        evidence=evidence_record(evidence),
    )


def fleets_record(
    spec: ArchSpec, output_tokens_per_s: float, limits: Limits, fleets: Sequence[Fleet]
) -> FleetsRecord:
    """Fleets with the load that they carry."""
    return FleetsRecord(
        name=spec.name,
        speculated=spec.speculated or UNSET,
        output_tokens_per_s=output_tokens_per_s,
        percentile=max(limits.ttft_percentile, limits.tpot_percentile),
        ttft_percentile=limits.ttft_percentile,
        tpot_percentile=limits.tpot_percentile,
        fleets=tuple(fleet_record(spec, fleet) for fleet in fleets),
    )


def context_record(
    spec: ArchSpec, deployment: Deployment, concurrency: float, longest: LongestContext
) -> ContextRecord:
    """The longest prompt and how it is served."""
    estimate, workload = longest.estimate, replace(deployment.workload, input_tokens=longest.tokens)
    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, workload)
    return ContextRecord(
        name=spec.name,
        speculated=spec.speculated or UNSET,
        input_tokens=longest.tokens,
        output_tokens=workload.output_tokens,
        bound_by=longest.bound_by,
        fits=memory.verdict(estimate.concurrency / estimate.layout.dp),
        max_context=spec.max_context or UNSET,
        concurrency=concurrency,
        ttft_s=estimate.ttft_s,
        tpot_s=estimate.tpot_s or None,
        layout=layout_record(estimate.layout),
    )


def disaggregation_record(
    spec: ArchSpec, pair: Disaggregated, together_tokens_per_s_per_gpu: float
) -> DisaggregationRecord:
    """Two pools, beside the rate of GPUs that do both."""
    return same_fields(
        DisaggregationRecord,
        pair,
        name=spec.name,
        speculated=spec.speculated or UNSET,
        prefill_layout=layout_record(pair.prefill_layout),
        decode_layout=layout_record(pair.decode_layout),
        together_tokens_per_s_per_gpu=together_tokens_per_s_per_gpu,
    )


def estimate_record(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> EstimateRecord:
    """One layout at one batch with its bands, every degree of the layout stated."""
    evidence = evidence_of(spec, deployment, estimate)
    (ttft_low_s, ttft_high_s), (tpot_low_s, tpot_high_s) = evidence.ttft_s(estimate), evidence.tpot_s(estimate)
    tokens_low, tokens_high = evidence.e2e.around_inverse(estimate.tokens_per_s_per_gpu)
    usd_low_per_mtok, usd_high_per_mtok = evidence.usd_per_mtok(estimate)
    return same_fields(
        EstimateRecord,
        estimate,
        layout=same_fields(LayoutRecord, estimate.layout),
        ttft_low_s=ttft_low_s,
        ttft_high_s=ttft_high_s,
        tpot_low_s=tpot_low_s,
        tpot_high_s=tpot_high_s,
        tokens_low_per_s_per_gpu=tokens_low,
        tokens_high_per_s_per_gpu=tokens_high,
        usd_low_per_mtok=usd_low_per_mtok,
        usd_high_per_mtok=usd_high_per_mtok,
    )


def curves_record(spec: ArchSpec, curves: Curves) -> CurvesRecord:
    """Everything that the page of a deployment shows."""
    asked = curves.deployment

    def at(tokens: int) -> Deployment:
        return replace(asked, workload=replace(asked.workload, input_tokens=tokens))

    return CurvesRecord(
        name=curves.name,
        speculated=curves.speculated or UNSET,
        deployment=deployment_record(curves.deployment),
        frontier=FrontierRecord(
            points=tuple(estimate_record(spec, asked, point) for point in curves.frontier.points),
            tried=curves.frontier.tried,
        ),
        by_context=tuple(
            (tokens, estimate_record(spec, at(tokens), point)) for tokens, point in curves.by_context
        ),
        by_batch=tuple(estimate_record(spec, asked, point) for point in curves.by_batch),
    )
