"""JSON of one design with its numbers."""

import math
from dataclasses import dataclass

from optimoe.core.provenance import Estimate
from optimoe.core.records import same_fields
from optimoe.planner.candidate import Candidate
from optimoe.planner.problem.traffic import LifetimeServing
from optimoe.report.records.arch import DesignRecord, design_record
from optimoe.report.records.deployment import LayoutRecord, layout_record
from optimoe.report.records.plan.space import FamilyRecord, family_record
from optimoe.report.records.training import TrainLayoutRecord, train_layout_record


@dataclass(frozen=True, kw_only=True)
class PlannedDesignRecord(DesignRecord):
    """The shape of a design with its parameters.

    Attributes:
        params_total: Everything stored, both embeddings included.
        params_active: What one token touches, both embeddings included.
    """

    params_total: int
    params_active: int


@dataclass(frozen=True, kw_only=True)
class NoTrainLayoutRecord:
    """No layout of a training run: nobody said on how many GPUs."""


NO_TPOT = Estimate(value=math.nan, low=math.nan, high=math.nan)
"""Of answers with one token, which nothing follows."""


@dataclass(frozen=True, kw_only=True)
class ServingFleetRecord:
    """Equal whole deployments that carry the traffic of a model's life.

    Attributes:
        deployments: How many.
        num_gpus: GPUs of all of them.
        utilisation: Share of what they can carry that is asked of them, at the peak.
        usd_per_hour: Dollars per hour of all their GPUs; null without a price.
    """

    deployments: int
    num_gpus: int
    utilisation: float
    usd_per_hour: float | None


@dataclass(frozen=True, kw_only=True)
class CandidateRecord:
    """One design with its numbers.

    Attributes:
        arch: Its shape and parameters.
        family: What it shares with designs of other widths and depths.
        tokens: Training tokens, repeated ones counted again.
        passes: Training tokens over the distinct ones at hand; 0 where those are not limited.
        loss: Nats per token, as the law predicts it.
        loss_low: Lower end of the law's band; null where its fit error is not known.
        loss_high: Upper end of the law's band; null where its fit error is not known.
        train_flops: FLOPs of the run, 6·N_act·D.
        routing_flops: FLOPs that routing takes beyond that, which the budget pays too.
        mfu: Model FLOPs utilisation of the run: 6ND over the time at the bf16 peak.
        train_gpu_hours: GPU hours of the run that are paid for.
        train_gpu_hours_low: Lower end of the band of published runs' hours; null for a given utilisation.
        train_gpu_hours_high: Upper end of that band; null likewise.
        batch_tokens: Tokens of a training step in that layout; 0 where the cluster is not known.
        idle_gpus: GPUs of the training cluster that the layout leaves idle; they are paid.
        train_energy_kwh: Energy of the GPUs' boards times PUE; null where the board's power is not known.
        train_layout: How the run is split; empty where the cluster is not known.
        train_usd: Dollars of training; null without a price.
        serve_usd: Dollars of serving over the life; null without a price.
        total_usd: Dollars of training and serving; null without a price.
        usd_per_mtok: Dollars per million output tokens; null without a price.
        kwh_per_mtok: Energy per million output tokens of deployments that are always full, GPUs' boards at their
            limit times PUE; null where the board's power is not known.
        ttft_s: Time to the first token: the mean, or the percentile that is limited.
        tpot_s: Time per output token after the first: mean or limited percentile; null where there is none.
        tpot_low_s: Lower end of TPOT's band: 90 % of measured errors; null where there is none.
        tpot_high_s: Upper end of TPOT's band; null where there is none.
        tokens_per_s: Output tokens per second of one deployment.
        concurrency: Requests in flight in one deployment.
        max_batch: Most requests in flight whose full contexts fit the memory.
        gpu: The accelerator that serves.
        num_gpus: GPUs of one deployment.
        precision: Precision of the weights while serving.
        kv_precision: Precision of the cache.
        layout: Degrees of parallelism of one deployment.
        bound_by: The cause that takes the largest share of TPOT.
        parts: Seconds of TPOT by cause.
        serve_gpu_hours: GPU hours of serving over the life: of whole deployments where a rate is stated.
        fleet: The whole deployments that carry the traffic.
        decades_beyond: How far outside the law's fitted range, |log10| by the law's symbols; 0 inside.
        assumed: Whether the law reads the design by a mapping, which widens the band of its loss.
    """

    arch: PlannedDesignRecord
    family: FamilyRecord
    tokens: float
    passes: float
    loss: float
    loss_low: float | None
    loss_high: float | None
    train_flops: float
    routing_flops: float
    mfu: float
    train_gpu_hours: float
    train_gpu_hours_low: float | None
    train_gpu_hours_high: float | None
    batch_tokens: int
    idle_gpus: int
    train_energy_kwh: float | None
    train_layout: TrainLayoutRecord | NoTrainLayoutRecord
    train_usd: float | None
    serve_usd: float | None
    total_usd: float | None
    usd_per_mtok: float | None
    kwh_per_mtok: float | None
    ttft_s: float
    tpot_s: float | None
    tpot_low_s: float | None
    tpot_high_s: float | None
    tokens_per_s: float
    concurrency: float
    max_batch: float
    gpu: str
    num_gpus: int
    precision: str
    kv_precision: str
    layout: LayoutRecord
    bound_by: str
    parts: dict[str, float]
    serve_gpu_hours: float
    fleet: ServingFleetRecord
    decades_beyond: dict[str, float]
    assumed: bool


def candidate_record(candidate: Candidate) -> CandidateRecord:
    """A design with its numbers, flat."""
    training, deployment, serving = candidate.training, candidate.deployment, candidate.serving
    tpot = candidate.tpot_band_s if deployment.workload.decodes else NO_TPOT
    hours = training.gpu_hours_band
    return same_fields(
        CandidateRecord,
        candidate,
        arch=planned_design_record(candidate),
        family=family_record(candidate.family),
        loss=candidate.loss.value,
        loss_low=candidate.loss.low,
        loss_high=candidate.loss.high,
        train_flops=training.flops,
        routing_flops=training.routing_flops,
        mfu=training.mfu,
        train_gpu_hours=training.gpu_hours,
        train_gpu_hours_low=hours.low,
        train_gpu_hours_high=hours.high,
        batch_tokens=training.batch_tokens,
        idle_gpus=training.idle_gpus,
        train_energy_kwh=training.energy_kwh,
        train_layout=train_layout_record(training.layout) if training.layout else NoTrainLayoutRecord(),
        tpot_s=tpot.value,
        tpot_low_s=tpot.low,
        tpot_high_s=tpot.high,
        tokens_per_s=serving.tokens_per_s,
        concurrency=serving.concurrency,
        max_batch=serving.max_batch,
        gpu=deployment.cluster.accelerator.name,
        num_gpus=deployment.cluster.num_gpus,
        precision=candidate.served_in,
        fleet=_fleet_record(candidate.fleet),
        kv_precision=deployment.cache_format(candidate.spec),
        layout=layout_record(serving.layout),
        bound_by=serving.bound_by,
        parts=serving.parts,
    )


def _fleet_record(fleet: LifetimeServing) -> ServingFleetRecord:
    """The deployments that carry the traffic, in whole numbers."""
    return same_fields(ServingFleetRecord, fleet, deployments=int(fleet.deployments), num_gpus=int(fleet.num_gpus))


def planned_design_record(candidate: Candidate) -> PlannedDesignRecord:
    """The shape of a candidate with its parameters."""
    return same_fields(
        PlannedDesignRecord,
        design_record(candidate.spec),
        params_total=candidate.params.total,
        params_active=candidate.params.active,
    )
