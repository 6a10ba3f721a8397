"""JSON of ``optimoe cost``: a model that is served."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.arch.spec import ArchSpec
from optimoe.core.records import same_fields
from optimoe.cost.serving.accuracy.evidence import evidence as evidence_of
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import GpuMemory, gpu_memory
from optimoe.report.records.deployment import (
    LayoutRecord,
    PriceRecord,
    WorkloadRecord,
    layout_record,
    price_record,
    workload_record,
)
from optimoe.report.records.served.evidence import EvidenceRecord, evidence_record


@dataclass(frozen=True, kw_only=True)
class GpuMemoryRecord:
    """Bytes of the GPU that holds most of its pipeline stage.

    Attributes:
        usable: Bytes of device memory that an engine gives to weights, activations and cache.
        weights: Bytes of its share of the model.
        activations: Bytes of the largest chunk of prompts, with the logits of a full batch.
        cache_per_request: Bytes of one request's cache at full length.
    """

    usable: float
    weights: float
    activations: float
    cache_per_request: float


@dataclass(frozen=True, kw_only=True)
class ServingRecord:
    """A model that is served: latency, throughput, price and what they consist of.

    Attributes:
        name: The model's name.
        gpu: The accelerator's name.
        num_gpus: GPUs of the deployment.
        layout: Degrees of parallelism.
        replicas: Copies of the model.
        concurrency: Requests in flight over all replicas.
        max_batch: Most requests in flight whose full contexts fit the memory.
        ttft_s: Mean time to the first token.
        ttft_low_s: Lower end of TTFT's band.
        ttft_high_s: Upper end of TTFT's band.
        tpot_s: Mean time per output token after the first, (e2e − TTFT)/(output − 1).
        tpot_low_s: Lower end of TPOT's band: 90 % of measured errors.
        tpot_high_s: Upper end of TPOT's band.
        tokens_per_s: Output tokens per second of the deployment.
        tokens_low_per_s: Lower end of that rate's band.
        tokens_high_per_s: Upper end of that rate's band.
        tokens_per_s_per_gpu: Output tokens per second of one GPU.
        usd_per_mtok: Dollars per million output tokens, their prompts included; null without a price.
        usd_low_per_mtok: Lower end of that price's band; null without a price.
        usd_high_per_mtok: Upper end of that price's band; null without a price.
        price: Price of a GPU hour.
        bound_by: The cause that takes the largest share of TPOT.
        parts: Seconds of TPOT by cause.
        memory: What one GPU holds.
        workload: The requests.
        precision: Precision of the weights.
        kv_precision: Precision of the cache.
        evidence: What was measured of the answer's kind, and what widens its bands.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
    """

    name: str
    gpu: str
    num_gpus: int
    layout: LayoutRecord
    replicas: float
    concurrency: float
    max_batch: float
    ttft_s: float
    ttft_low_s: float
    ttft_high_s: float
    tpot_s: float
    tpot_low_s: float
    tpot_high_s: float
    tokens_per_s: float
    tokens_low_per_s: float
    tokens_high_per_s: float
    tokens_per_s_per_gpu: float
    usd_per_mtok: float | None
    usd_low_per_mtok: float | None
    usd_high_per_mtok: float | None
    price: PriceRecord
    bound_by: str
    parts: dict[str, float]
    memory: GpuMemoryRecord
    workload: WorkloadRecord
    precision: str
    kv_precision: str
    evidence: EvidenceRecord
    speculated: str | UnsetType = UNSET


def serving_record(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> ServingRecord:
    """A serving estimate with its bands, its memory and the question."""
    evidence = evidence_of(spec, deployment, estimate)
    ttft_low_s, ttft_high_s = evidence.ttft_s(estimate)
    tpot_low_s, tpot_high_s = evidence.tpot_s(estimate)
    tokens_low_per_s, tokens_high_per_s = evidence.tokens_per_s(estimate)
    usd_low_per_mtok, usd_high_per_mtok = evidence.usd_per_mtok(estimate)
    memory = gpu_memory(deployment.machine(estimate.layout), deployment.engine, spec, deployment.workload)
    return same_fields(
        ServingRecord,
        estimate,
        name=spec.name,
        gpu=deployment.cluster.accelerator.name,
        num_gpus=deployment.cluster.num_gpus,
        layout=layout_record(estimate.layout),
        replicas=estimate.layout.replicas,
        ttft_low_s=ttft_low_s,
        ttft_high_s=ttft_high_s,
        tpot_low_s=tpot_low_s,
        tpot_high_s=tpot_high_s,
        tokens_low_per_s=tokens_low_per_s,
        tokens_high_per_s=tokens_high_per_s,
        usd_low_per_mtok=usd_low_per_mtok,
        usd_high_per_mtok=usd_high_per_mtok,
        evidence=evidence_record(evidence),
        price=price_record(deployment.price),
        memory=memory_record(memory),
        workload=workload_record(deployment.workload),
        precision=deployment.engine.execution.precision,
        kv_precision=deployment.engine.execution.kv_precision,
        speculated=spec.speculated or UNSET,
    )


def memory_record(memory: GpuMemory) -> GpuMemoryRecord:
    """What one GPU holds."""
    return same_fields(GpuMemoryRecord, memory)
