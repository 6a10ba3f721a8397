"""JSON of what a model is served on: GPUs and their price, requests, limits, engine and layout."""

from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from optimoe.core.provenance import Basis
from optimoe.core.records import same_fields
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Accelerator, Cluster
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload


@dataclass(frozen=True, kw_only=True)
class LayoutRecord:
    """Degrees of parallelism of a deployment; tp · pp · dp is its number of GPUs.

    Attributes:
        tp: Tensor parallel: GPUs that split heads and widths.
        ep: Expert parallel: parts into which the experts of a layer are dealt.
        pp: Pipeline stages.
        dp: Data-parallel attention ranks, each with requests of its own.
        sp: Parts into which a cache is split by tokens; absent where it is whole.
        resident: Share of the routed experts that device memory holds; absent where that is all of them.
        redundant_experts: Copies of experts of each layer beside its own; absent where there are none.
    """

    tp: int
    ep: int
    pp: int
    dp: int
    sp: int | UnsetType = UNSET
    resident: float | UnsetType = UNSET
    redundant_experts: int | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class PriceRecord:
    """Dollars of one GPU for one hour.

    Attributes:
        usd_per_gpu_hour: The price that is used; null where none is known.
        low: Lowest price over the providers; the price itself where the user gave it.
        high: Highest price over the providers; the price itself where the user gave it.
        basis: How the price is known: measured, published, fitted, derived or assumed.
        source: Providers, or the option that gave it.
        tier: on_demand, reserved or spot; empty where the user gave the price, or none is known.
        date: Month of the price lists, or the first and the last; empty where they state none.
    """

    usd_per_gpu_hour: float | None
    low: float | None
    high: float | None
    basis: Basis
    source: str
    tier: str
    date: str


@dataclass(frozen=True, kw_only=True)
class WorkloadRecord:
    """The requests of a deployment.

    Attributes:
        input_tokens: Tokens of a prompt.
        output_tokens: Tokens of an answer.
        prefix_hit: Share of the prompt's tokens whose keys and values are in the cache already.
        fixed_lengths: Whether all requests have these lengths; otherwise they are means.
        rounds: Requests that follow each other in each place of a closed run; null is the steady state.
        arrivals: ``closed``, each request followed by the next; ``static``, one batch at once; ``offline``, a
            queue that is worked off.
        num_requests: Requests of an offline run; otherwise 0.
    """

    input_tokens: int
    output_tokens: int
    prefix_hit: float
    fixed_lengths: bool
    rounds: float | None
    arrivals: str = "closed"
    num_requests: int = 0


@dataclass(frozen=True, kw_only=True)
class LimitsRecord:
    """Upper limits on latency; null where there is none.

    Attributes:
        ttft_s: Time to the first token.
        tpot_s: Time per output token, (e2e − TTFT)/(output − 1).
        ttft_percentile: Share of requests that keep it under random arrivals; 0 where it is on the mean.
        tpot_percentile: The same for TPOT.
    """

    ttft_s: float | None
    tpot_s: float | None
    ttft_percentile: float
    tpot_percentile: float


@dataclass(frozen=True, kw_only=True)
class RoutingRecord:
    """How often a router picks each expert; uniform where nothing is given.

    Attributes:
        zipf: Exponent of load against the experts' rank by load; 0 is uniform.
        loads: Measured loads of the experts of one layer, in any unit; empty where none are given.
        balanced_ranks: Whether experts are placed so that every expert-parallel rank has an equal mean load.
    """

    zipf: float
    loads: tuple[float, ...]
    balanced_ranks: bool


@dataclass(frozen=True, kw_only=True)
class EngineRecord:
    """A serving engine and how it is set up.

    Attributes:
        precision: Precision of the weights as asked for; auto is the checkpoint's own, bf16 of a design.
        kv_precision: Precision of the cache as asked for; auto is the checkpoint's or the engine's.
        routing: How tokens spread over experts.
        overlap: Share of the exchange between GPUs that runs behind arithmetic.
        chunk_tokens: Most tokens of prompts that one step takes in.
        draft_tokens: Tokens drafted per step by speculative decoding; 0 is plain decoding.
        acceptance: Probability that a drafted token is accepted, given that those before it were.
        step_s: Time of the engine itself in one step.
        request_s: Time of the engine itself in one step for each running request.
        prompt_token_s: Time of the engine itself for each token of a prompt.
        launch_call_s: Time to launch one kernel of a step that no captured graph holds.
        hidden: Share of the requests' times that runs behind the GPU's own step.
        front_s: Time from a request's arrival to the scheduler and back to the client.
        prefill_first: Whether waiting prompts are read before any further token is decoded.
        kernels: Where kernel times come from: ``fitted`` curves or ``silicon`` tables.
        decode_scale: Measured over predicted time of a decode step's kernels; 1 uncalibrated.
        prefill_scale: Measured over predicted time of a prompt's kernels; 1 uncalibrated.
    """

    precision: str
    kv_precision: str
    routing: RoutingRecord
    overlap: float
    chunk_tokens: int
    draft_tokens: int
    acceptance: float
    step_s: float
    request_s: float
    prompt_token_s: float
    launch_call_s: float
    hidden: float
    front_s: float
    prefill_first: bool
    kernels: str
    decode_scale: float
    prefill_scale: float


@dataclass(frozen=True, kw_only=True)
class AcceleratorRecord:
    """One GPU, by its data sheet.

    Attributes:
        name: Its key, or the name of the user's own file.
        memory_bytes: Device memory.
        memory_bytes_per_s: Peak bandwidth of that memory.
        peak_flops_per_s: Dense tensor peak by precision of the operands.
        source: Where the figures stand.
        gpus_per_node: GPUs of one node.
        domain_gpus: GPUs that the fast link joins across nodes; 0 where it ends with the node.
        intra_node_bytes_per_s: Link inside a node, one direction; 0 when not known.
        inter_node_bytes_per_s: Network, one direction, per GPU; 0 when not known.
        cache_bytes: Last-level cache; 0 when not known.
        host_bytes_per_s: Link to the host's memory, one direction; 0 when not known.
        clock_hz: Highest clock of the cores; 0 when not known.
        power_w: Board power; 0 when not known.
        architecture: The maker's name for the generation; empty when not known.
        notes: Caveats.
    """

    name: str
    memory_bytes: float
    memory_bytes_per_s: float
    peak_flops_per_s: dict[str, float]
    source: str
    gpus_per_node: int
    domain_gpus: int
    intra_node_bytes_per_s: float
    inter_node_bytes_per_s: float
    cache_bytes: float
    host_bytes_per_s: float
    clock_hz: float
    power_w: float
    architecture: str
    notes: str


@dataclass(frozen=True, kw_only=True)
class ClusterRecord:
    """Equal GPUs that work together.

    Attributes:
        accelerator: The GPU.
        num_gpus: Number of GPUs.
    """

    accelerator: AcceleratorRecord
    num_gpus: int


@dataclass(frozen=True, kw_only=True)
class DeploymentRecord:
    """Everything about serving but the model and its layout.

    Attributes:
        cluster: The GPUs.
        workload: The requests.
        price: Price of a GPU hour.
        limits: Limits on latency.
        engine: The software that serves.
    """

    cluster: ClusterRecord
    workload: WorkloadRecord
    price: PriceRecord
    limits: LimitsRecord
    engine: EngineRecord


def layout_record(layout: Layout) -> LayoutRecord:
    """The degrees as whole numbers; a split cache and experts in host memory only where they are used."""
    return LayoutRecord(
        tp=int(layout.tp),
        ep=int(layout.ep),
        pp=int(layout.pp),
        dp=int(layout.dp),
        sp=int(layout.sp) if layout.sp > 1 else UNSET,
        resident=float(layout.resident) if layout.resident < 1 else UNSET,
        redundant_experts=int(layout.redundant_experts) if layout.redundant_experts else UNSET,
    )


def price_record(price: GpuPrice) -> PriceRecord:
    """A price with its range and source."""
    return same_fields(PriceRecord, price)


def workload_record(workload: Workload) -> WorkloadRecord:
    """The requests of a deployment."""
    return same_fields(WorkloadRecord, workload)


def limits_record(limits: Limits) -> LimitsRecord:
    """The limits on latency."""
    return same_fields(LimitsRecord, limits)


def routing_record(routing: RoutingSkew) -> RoutingRecord:
    """How tokens spread over experts."""
    return same_fields(RoutingRecord, routing)


def engine_record(engine: Engine) -> EngineRecord:
    """An engine with the execution of its kernels, flat."""
    execution, host = engine.execution, engine.host
    return same_fields(
        EngineRecord,
        engine,
        step_s=host.step_s,
        request_s=host.request_s,
        prompt_token_s=host.prompt_token_s,
        launch_call_s=host.launch_s,
        hidden=host.hidden,
        front_s=host.front_s,
        precision=execution.precision,
        kv_precision=execution.kv_precision,
        routing=routing_record(execution.routing),
        overlap=execution.overlap,
        kernels=execution.kernels,
    )


def accelerator_record(accelerator: Accelerator) -> AcceleratorRecord:
    """A GPU with the figures of its data sheet."""
    return same_fields(AcceleratorRecord, accelerator)


def cluster_record(cluster: Cluster) -> ClusterRecord:
    """Equal GPUs that work together."""
    return ClusterRecord(accelerator=accelerator_record(cluster.accelerator), num_gpus=cluster.num_gpus)


def deployment_record(deployment: Deployment) -> DeploymentRecord:
    """A deployment without model and layout."""
    return DeploymentRecord(
        cluster=cluster_record(deployment.cluster),
        workload=workload_record(deployment.workload),
        price=price_record(deployment.price),
        limits=limits_record(deployment.limits),
        engine=engine_record(deployment.engine),
    )
