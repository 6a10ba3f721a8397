"""The options of serving, by what they describe; each group builds its part of a deployment."""

import math
import sys
from dataclasses import dataclass, fields

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, parse_gpus
from optimoe.cost.hardware.price import GpuPrice, given_price, list_price, unknown_price
from optimoe.cost.kernels.spread import RoutingSkew
from optimoe.cost.serving.engine import DEFAULT_ENGINE, Engine, find_engine
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.inputs.quantities import Flag, Quantity, Seconds, whole


@Parameter(name="*", group="Layout (searched where left out)")
@dataclass(frozen=True, kw_only=True)
class LayoutOptions:
    """Degrees of parallelism; tp × pp × dp is the number of GPUs."""

    tp: int | None = None
    """Tensor parallel: GPUs that split heads and widths."""
    ep: int | None = None
    """Expert parallel: parts into which the experts are dealt; above tp, attention ranks share them."""
    pp: int | None = None
    """Pipeline stages."""
    dp: int | None = None
    """Data-parallel attention ranks, each with its own requests."""
    sp: int | None = None
    """Parts of a cache by tokens, beyond its key-value heads (1)."""
    resident: float | None = None
    """Share of the routed experts in device memory; the rest comes from the host (1)."""

    @property
    def fixed(self) -> dict[str, float]:
        """Those that are given."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


@Parameter(name="*", group="Requests")
@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """What is asked, and how fast it must be answered."""

    input_tokens: Quantity = 1024.0
    """Prompt of a request."""
    output_tokens: Quantity = 1024.0
    """Answer of a request."""
    prefix_hit: float = 0.0
    """Share of a prompt's tokens that a prefix cache holds."""
    ttft: Seconds = math.inf
    """Limit on the time to first token."""
    tpot: Seconds = math.inf
    """Limit on the time per output token."""

    @property
    def workload(self) -> Workload:
        """The requests.

        Raises:
            InputError: A length is not whole.
            ConfigError: A number is out of limits.
        """
        return Workload(
            input_tokens=whole("input_tokens", self.input_tokens),
            output_tokens=whole("output_tokens", self.output_tokens),
            prefix_hit=self.prefix_hit,
        )

    @property
    def limits(self) -> Limits:
        """The limits on latency."""
        return Limits(ttft_s=self.ttft, tpot_s=self.tpot)


@Parameter(name="*", group="Engine")
@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """The serving software."""

    engine: str = DEFAULT_ENGINE
    """Preset of the software: vllm, sglang, trtllm, or a TOML file of your own."""
    precision: str = "bf16"
    """Of the weights: bf16, fp8, int8, int4, mxfp4."""
    kv_precision: str = "auto"
    """Of the cache: bf16, fp8, int8, int4; auto is what the engine does with these weights."""
    kernels: str = "fitted"
    """Where kernel times come from: fitted, silicon, silicon:sglang, silicon:trtllm (extra `silicon`)."""
    calibration: str = ""
    """Factors of an engine's version: a name that ships, or a file of `cost calibrate`."""
    zipf: float = 0.0
    """Skew of routing: load of an expert ∝ rank^(−zipf); 0 is uniform."""
    balanced_ranks: Flag = False
    """Hot experts are placed, and copied, so that ranks are loaded alike."""
    overlap: float = 0.0
    """Share of the exchange between GPUs that runs behind arithmetic."""
    chunk_tokens: Quantity = 8192.0
    """Most prompt tokens of one step."""
    draft_tokens: int = 0
    """Tokens drafted per step (speculative decoding, MTP)."""
    acceptance: float = 0.0
    """Probability that a drafted token is accepted."""

    @property
    def setup(self) -> Engine:
        """The engine as it is set up.

        Raises:
            ConfigError: A number is out of limits.
        """
        given = {} if self.kv_precision == "auto" else {"kv_precision": self.kv_precision}
        engine = find_engine(
            self.engine,
            precision=self.precision,
            **given,
            routing=RoutingSkew(zipf=self.zipf, balanced_ranks=self.balanced_ranks),
            overlap=self.overlap,
            chunk_tokens=whole("chunk_tokens", self.chunk_tokens),
            draft_tokens=self.draft_tokens,
            acceptance=self.acceptance,
            kernels=self.kernels,
        )
        if not self.calibration:
            return engine
        from optimoe.cost.calibration import find_calibration

        return find_calibration(self.calibration).factors.on(engine)


def read_cluster(gpus: str, gpu: str | None) -> Cluster:
    """``--gpus 8xh100-sxm``, or ``--gpu h100-sxm --gpus 8``.

    Raises:
        InputError: Neither names an accelerator, or both do.
    """
    if gpu is None:
        if gpus.strip().isdigit():
            raise InputError("--gpu: missing (or give both at once: --gpus 8xh100-sxm)")
        num_gpus, gpu = parse_gpus(gpus)
    elif gpus.strip().isdigit():
        num_gpus = int(gpus)
    else:
        raise InputError(f"--gpus: must be a number beside --gpu, got {gpus!r}")
    return Cluster(accelerator=find_accelerator(gpu), num_gpus=num_gpus)


def read_deployment(
    cluster: Cluster, usd_per_hour: float | None, requests: RequestOptions, engine: EngineOptions
) -> Deployment:
    """What the options describe together."""
    return Deployment(
        cluster=cluster,
        workload=requests.workload,
        limits=requests.limits,
        price=read_price(cluster.accelerator.name, usd_per_hour),
        engine=engine.setup,
    )


def read_price(accelerator: str, usd_per_hour: float | None) -> GpuPrice:
    """The price given, else the list price, else none, which standard error says."""
    if usd_per_hour is not None:
        return given_price(usd_per_hour)
    try:
        return list_price(accelerator)
    except InputError as error:
        sys.stderr.write(f"optimoe: {error}\n")
        return unknown_price()
