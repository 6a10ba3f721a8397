"""JSON of ``optimoe cost``: a model that is served."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.arch.memory import main_format, weight_formats
from optimoe.arch.spec import ArchSpec
from optimoe.core.records import same_fields
from optimoe.cost.engines.formats import format_warning
from optimoe.cost.hardware.energy import kwh_per_mtok
from optimoe.cost.serving.accuracy.evidence import evidence as evidence_of
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.memory import Verdict, gpu_memory
from optimoe.report.records.deployment import (
    LayoutRecord,
    PriceRecord,
    WorkloadRecord,
    layout_record,
    price_record,
    workload_record,
)
from optimoe.report.records.served.evidence import AnswerEvidenceRecord, evidence_record
from optimoe.report.records.served.memory import CacheRecord, GpuMemoryRecord, cache_record, memory_record


@dataclass(frozen=True, kw_only=True)
class EndedRunRecord:
    """A run that ends: a static batch, or a queue of requests.

    Attributes:
        num_requests: Requests in all.
        prefill_s: Time until the prompts of the first batch are read, the front end included.
        decode_s: Time from there to the last token.
        total_s: Time until the last token.
        requests_per_s: Requests over the whole time.
        output_tokens_per_s: Tokens of answers over the whole time.
        total_tokens_per_s: Tokens of prompts and answers over the whole time.
    """

    num_requests: float
    prefill_s: float
    decode_s: float
    total_s: float
    requests_per_s: float
    output_tokens_per_s: float
    total_tokens_per_s: float


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
        max_batch_low: The same by the most memory that releases and set-ups of the engine take.
        max_batch_high: The same by the least that they take.
        fits: Whether the requests in flight fit: "yes" by either, "only just" by the usual but not by the most.
        ttft_s: Mean time to the first token.
        ttft_low_s: Lower end of TTFT's band.
        ttft_high_s: Upper end of TTFT's band.
        tpot_s: Mean time per output token after the first, (e2e − TTFT)/(output − 1); null where answers have one.
        tpot_low_s: Lower end of TPOT's band: 90 % of measured errors.
        tpot_high_s: Upper end of TPOT's band.
        requests_per_s: Requests of the deployment.
        input_tokens_per_s: Tokens of prompts that it reads, those of cached prefixes among them.
        tokens_per_s: Output tokens per second of the deployment.
        tokens_low_per_s: Lower end of that rate's band.
        tokens_high_per_s: Upper end of that rate's band.
        tokens_per_s_per_gpu: Output tokens per second of one GPU.
        usd_per_mtok: Dollars per million output tokens, their prompts included; null without a price.
        usd_low_per_mtok: Lower end of that price's band; null without a price.
        usd_high_per_mtok: Upper end of that price's band; null without a price.
        kwh_per_mtok: Energy per million output tokens, their prompts included: GPUs' boards at their limit times
            PUE; null where the board's power is not known.
        price: Price of a GPU hour.
        bound_by: The cause that takes the largest share of TPOT.
        parts: Seconds of TPOT by cause.
        memory: What one GPU holds.
        cache: What the caches of the deployment hold, as its engine counts them.
        workload: The requests.
        precision: Format of most of the weights.
        weight_formats: Formats of each part that has weights, that of most of its values first.
        precision_source: Where the formats are from: ``quantization_config``, ``hf_quant_config.json`` or
            ``stated``; absent where nothing states them and all is bf16.
        precision_warning: What must be known of that source; absent where there is nothing.
        kv_precision: Precision of the cache.
        evidence: What was measured of the answer's kind, and what widens its bands.
        run: The whole run, where it ends; absent where requests never do.
        speculated: Who guessed the model's shape, where its makers published none; absent otherwise.
        note: What must be known of how the model was read, such as what is left out of one of several modalities;
            absent where there is nothing.
    """

    name: str
    gpu: str
    num_gpus: int
    layout: LayoutRecord
    replicas: float
    concurrency: float
    max_batch: float
    max_batch_low: float
    max_batch_high: float
    fits: Verdict
    ttft_s: float
    ttft_low_s: float
    ttft_high_s: float
    tpot_s: float | None
    tpot_low_s: float | None
    tpot_high_s: float | None
    requests_per_s: float
    input_tokens_per_s: float
    tokens_per_s: float
    tokens_low_per_s: float
    tokens_high_per_s: float
    tokens_per_s_per_gpu: float
    usd_per_mtok: float | None
    usd_low_per_mtok: float | None
    usd_high_per_mtok: float | None
    kwh_per_mtok: float | None
    price: PriceRecord
    bound_by: str
    parts: dict[str, float]
    memory: GpuMemoryRecord
    cache: CacheRecord
    workload: WorkloadRecord
    precision: str
    weight_formats: dict[str, tuple[str, ...]]
    kv_precision: str
    evidence: AnswerEvidenceRecord
    precision_source: str | UnsetType = UNSET
    precision_warning: str | UnsetType = UNSET
    run: EndedRunRecord | UnsetType = UNSET
    speculated: str | UnsetType = UNSET
    note: str | UnsetType = UNSET


def serving_record(spec: ArchSpec, deployment: Deployment, estimate: ServingEstimate) -> ServingRecord:
    """A serving estimate with its bands, its memory and the question."""
    evidence = evidence_of(spec, deployment, estimate)
    ttft_low_s, ttft_high_s = evidence.ttft_s(estimate)
    tpot_s = (estimate.tpot_s, *evidence.tpot_s(estimate)) if deployment.workload.decodes else (None, None, None)
    requests_per_s = estimate.tokens_per_s / deployment.workload.output_tokens
    tokens_low_per_s, tokens_high_per_s = evidence.tokens_per_s(estimate)
    usd_low_per_mtok, usd_high_per_mtok = evidence.usd_per_mtok(estimate)
    served = deployment.serves(spec)
    machine, engine, dp = deployment.machine(estimate.layout), deployment.engine, estimate.layout.dp
    memory = gpu_memory(machine, engine, spec, deployment.workload)
    capacity = kv_tokens(machine, engine, spec, memory.cache, deployment.workload.full_context)
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
        tpot_s=tpot_s[0],
        tpot_low_s=tpot_s[1],
        tpot_high_s=tpot_s[2],
        requests_per_s=requests_per_s,
        input_tokens_per_s=requests_per_s * deployment.workload.input_tokens,
        tokens_low_per_s=tokens_low_per_s,
        tokens_high_per_s=tokens_high_per_s,
        usd_low_per_mtok=usd_low_per_mtok,
        usd_high_per_mtok=usd_high_per_mtok,
        kwh_per_mtok=kwh_per_mtok(deployment.cluster, estimate.tokens_per_s),
        evidence=evidence_record(evidence),
        price=price_record(deployment.price),
        max_batch_low=memory.requests_low * dp,
        max_batch_high=memory.requests_high * dp,
        fits=memory.verdict(estimate.concurrency / dp),
        memory=memory_record(memory),
        cache=cache_record(capacity),
        workload=workload_record(deployment.workload),
        precision=main_format(served),
        kv_precision=deployment.cache_format(spec),
        weight_formats=weight_formats(served),
        precision_source=served.precisions.source or UNSET,
        precision_warning=format_warning(served) or UNSET,
        run=UNSET if estimate.run is None else same_fields(EndedRunRecord, estimate.run),
        speculated=spec.speculated or UNSET,
        note=spec.note or UNSET,
    )
