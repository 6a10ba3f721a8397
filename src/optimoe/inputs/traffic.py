"""The options of ``optimoe plan`` about hardware, requests and limits."""

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from cyclopts import Parameter

from optimoe.core.errors import InputError, require
from optimoe.core.units import SECONDS_PER_DAY, parse_quantity
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, parse_gpus
from optimoe.cost.layers.execution import Execution
from optimoe.cost.serving.engine import Engine
from optimoe.cost.serving.estimate import Deployment
from optimoe.cost.serving.traffic import load_trace, mean_length
from optimoe.cost.serving.workload import Limits, Workload
from optimoe.inputs.quantities import Quantity, Seconds, parts, whole
from optimoe.inputs.training import PriceOptions

SERVED = ("serve_gpus", "precision", "kv_precision")


@Parameter(name="*", group="Serving")
@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Hardware, requests and limits of a deployment."""

    serve_gpus: str = "8xh100-sxm"
    """GPUs of one deployment, such as 8xh100-sxm or 8xmine.toml; several kinds by comma, the cheapest is taken."""
    input_tokens: Quantity = 1024.0
    """Prompt of a request."""
    output_tokens: Quantity = 1024.0
    """Answer of a request."""
    input_percentiles: str = ""
    """Percentiles of prompts, such as 50=800,90=3000, in place of their mean length."""
    output_percentiles: str = ""
    """Percentiles of answers, the same."""
    trace: Path | None = None
    """CSV table of requests (input_tokens, output_tokens), in place of the lengths."""
    requests_per_s: float | None = None
    """Mean traffic over the model's life, in place of --serve-tokens."""
    life_days: float = 365.0
    """Days that the traffic lasts."""
    prefix_hit: float = 0.0
    """Share of a prompt's tokens that a prefix cache holds."""
    ttft: Seconds = math.inf
    """Limit on the time to first token."""
    tpot: Seconds = math.inf
    """Limit on the time per output token."""
    precision: str = "bf16"
    """Of the served weights: bf16, fp8, int8, int4, mxfp4; several by comma."""
    kv_precision: str = "bf16"
    """Of the cache; several by comma."""

    @property
    def gpu_name(self) -> str:
        """The first accelerator's name or file."""
        return parse_gpus(self.serve_gpus.split(",")[0])[1]

    def workload(self) -> Workload:
        """The requests: the mean of the trace or of the percentiles, or the two lengths.

        Raises:
            InputError: The trace cannot be read, percentiles are none, or a length is not whole.
            ConfigError: A number is out of limits.
        """
        if self.trace is not None:
            return load_trace(self.trace, self.prefix_hit)
        return Workload(
            input_tokens=_length("input", self.input_tokens, self.input_percentiles),
            output_tokens=_length("output", self.output_tokens, self.output_percentiles),
            prefix_hit=self.prefix_hit,
        )

    def lifetime_tokens(self, serve_tokens: float) -> float:
        """Output tokens over the life: as stated, or requests per second times their answer.

        Raises:
            InputError: Both are stated.
            ConfigError: A number is out of limits.
        """
        if self.requests_per_s is None:
            return serve_tokens
        if serve_tokens:
            raise InputError("--serve-tokens: cannot stand beside --requests-per-s, they state one thing")
        require(self.requests_per_s > 0, "requests_per_s", "positive", self.requests_per_s)
        require(self.life_days > 0, "life_days", "positive", self.life_days)
        return self.requests_per_s * self.workload().output_tokens * self.life_days * SECONDS_PER_DAY

    def deployments(self, prices: PriceOptions) -> tuple[Deployment, ...]:
        """The ways to serve of a problem: every kind of GPU with every precision that it has.

        Raises:
            InputError: A price is missing, a length is not whole, or no GPU has the precision.
            ConfigError: A number is out of limits.
        """
        workload = self.workload()
        limits = Limits(ttft_s=self.ttft, tpot_s=self.tpot)
        found, refused = [], []
        for gpus, precision, kv_precision in product(*(parts(getattr(self, name)) for name in SERVED)):
            num_gpus, name = parse_gpus(gpus)
            cluster = Cluster(accelerator=find_accelerator(name), num_gpus=num_gpus)
            try:
                cluster.accelerator.flops_per_s(precision)
            except InputError as error:
                refused.append(error)
                continue
            price = prices.serving(cluster.accelerator.name)
            engine = Engine(execution=Execution(precision=precision, kv_precision=kv_precision))
            found.append(Deployment(cluster=cluster, workload=workload, limits=limits, price=price, engine=engine))
        if not found:
            raise refused[0]
        return tuple(found)


def _length(name: str, mean: float, percentiles: str) -> int:
    if not percentiles:
        return whole(f"{name}_tokens", mean)
    option = f"--{name}-percentiles"
    try:
        pairs = [part.split("=") for part in parts(percentiles)]
        stated = {float(percentile): parse_quantity(length) for percentile, length in pairs}
    except ValueError:
        raise InputError(f"{option}: must look like 50=800,90=3000, got {percentiles!r}") from None
    return max(1, round(mean_length(stated, f"{name}_percentiles")))
