"""The requests of ``optimoe cost``: a model on hardware, and the questions turned around."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.ranges import require_range
from optimoe.core.ranges.table import DEPLOYED_GPUS
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import Hardware, LayoutChoice, ServePrice, TrainPrice
from optimoe.inputs.groups.models import OneModel
from optimoe.inputs.groups.requests import Requests
from optimoe.inputs.groups.training import TrainBatch, TrainPrecision
from optimoe.inputs.quantities import Quantity, parts, whole
from optimoe.inputs.sources import RECIPE, Accelerators, planned_batch_tokens

if TYPE_CHECKING:
    from optimoe.cost.hardware.accelerator import Cluster
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.cost.sizing.fleet import Offer
    from optimoe.cost.training.estimate import TrainRun


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServingRequest(OneModel):
    """A model, its requests, and the software and the prices with which it is served.

    Attributes:
        requests: Lengths and limits.
        engine: The serving software.
        price: Dollars of a GPU hour.
    """

    requests: Requests = field(default_factory=Requests)
    engine: EngineChoice = field(default_factory=EngineChoice)
    price: ServePrice = field(default_factory=ServePrice)

    def on(self, cluster: "Cluster") -> "Deployment":
        """The deployment on these GPUs.

        Raises:
            InputError: A length is not whole, or several precisions are stated.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.serving.estimate import Deployment

        require_range(cluster.num_gpus, "gpus", DEPLOYED_GPUS)
        return Deployment(
            cluster=cluster,
            workload=self.requests.workload(),
            limits=self.requests.limits(),
            price=self.price.price(cluster.accelerator.name),
            engine=self.engine.only_engine(cluster.accelerator, self.spec() if self.engine.calibration else None),
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DeploymentRequest(ServingRequest):
    """A model that is served on given GPUs.

    Attributes:
        hardware: The GPUs.
    """

    hardware: Hardware

    def deployment(self) -> "Deployment":
        """The GPUs, the requests, the limits, the price and the software.

        Raises:
            InputError: The GPUs are not named, a length is not whole, or several precisions are stated.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        return self.on(self.hardware.cluster())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ServedRequest(OneModel):
    """A model with the layout and the batch in which it is served; what is left out is searched.

    Attributes:
        layout: Degrees of parallelism.
    """

    concurrency: Quantity | None = None
    """Requests in flight."""
    layout: LayoutChoice = field(default_factory=LayoutChoice)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CostRequest(ServedRequest, DeploymentRequest):
    """Serve a model: latency, throughput and price; a layout and a batch that are left out are searched."""

    arrivals: str = "closed"
    """closed: each request is followed by the next; static: one batch at once, and no more; offline: a queue of
    --num-requests that is worked off."""
    num_requests: Quantity = 0.0
    """Requests of an offline run."""

    def deployment(self) -> "Deployment":
        """The GPUs, the requests as they arrive, the limits, the price and the software.

        Raises:
            InputError: The GPUs are not named, a length is not whole, or several precisions are stated.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        asked = super().deployment()
        number = whole("num_requests", self.num_requests) if self.num_requests else 0
        return replace(asked, workload=replace(asked.workload, arrivals=self.arrivals, num_requests=number))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ContextRequest(DeploymentRequest):
    """The longest prompt that fits the memory and keeps the limits, over all layouts."""

    concurrency: Quantity = 1.0
    """Requests in flight."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DisaggregateRequest(DeploymentRequest):
    """Prefill and decoding on GPUs of their own, beside GPUs that do both."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CurvesRequest(DeploymentRequest):
    """Speed against throughput over all layouts, and price against context and batch."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FleetRequest(ServingRequest):
    """The fewest and the cheapest GPUs that carry a load within the limits, over kinds and sizes of GPUs."""

    gpu: Accelerators
    """Kinds of GPUs, by comma: h100-sxm,h200-sxm."""
    requests_per_s: float = 0.0
    """The load, in requests."""
    tokens_per_day: Quantity = 0.0
    """The load, in output tokens a day."""
    percentile: float = 0.0
    """Share of requests that must keep both limits under random arrivals, such as 0.99; 0: as the limits say."""
    most_gpus: int = 0
    """Most GPUs of one deployment; 0 is 64, or what the network allows."""

    def on(self, cluster: "Cluster") -> "Deployment":
        """The deployment on these GPUs, both limits on the percentile where one is stated for both.

        Raises:
            InputError: A length is not whole, or percentiles are stated twice.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        asked = super().on(cluster)
        if not self.percentile:
            return asked
        if asked.limits.on_percentiles:
            raise InputError("--percentile: must be left out beside --ttft or --tpot of a percentile of their own")
        share = self.percentile
        return replace(asked, limits=replace(asked.limits, ttft_percentile=share, tpot_percentile=share))

    def offers(self) -> "list[Offer]":
        """The kinds of GPUs, each with the most of one deployment and its price.

        Raises:
            UnknownNameError: No such accelerator; lists the nearest.
            ConfigError: A price or a number of GPUs is out of limits.
        """
        from optimoe.cost.hardware.accelerator import Cluster, find_accelerator, sizes
        from optimoe.cost.sizing.fleet import Offer

        offers = []
        for name in parts(self.gpu):
            accelerator = find_accelerator(name)
            cluster = Cluster(accelerator=accelerator, num_gpus=self.most_gpus or sizes(accelerator)[-1])
            deployment = self.on(cluster)
            offers.append(Offer(cluster=cluster, price=deployment.price, engine=deployment.engine))
        return offers

    def load(self, deployment: "Deployment") -> float:
        """The load in output tokens per second.

        Raises:
            InputError: It is not stated, or twice.
            ConfigError: It is not positive.
        """
        from optimoe.cost.sizing.fleet import load_of

        if (self.requests_per_s > 0) == (self.tokens_per_day > 0):
            raise InputError("load: state it once, as --requests-per-s or as --tokens-per-day")
        return load_of(deployment.workload, requests_per_s=self.requests_per_s, tokens_per_day=self.tokens_per_day)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class TrainCostRequest(OneModel):
    """Train a model: the fastest layout that fits, its MFU, days and dollars.

    Attributes:
        hardware: The GPUs.
        batch: Tokens of a step and of a sequence.
        price: Dollars of a GPU hour.
    """

    tokens: Quantity
    """Training tokens."""
    precision: TrainPrecision = "bf16"
    """Precision of the matrix products: bf16 or fp8; fp32 on a CPU."""
    hardware: Hardware
    batch: TrainBatch = field(default_factory=TrainBatch)
    price: TrainPrice = field(default_factory=TrainPrice)

    def run(self) -> "TrainRun":
        """The cluster, the batch and the trainer.

        Raises:
            InputError: The GPUs are not named, or a size is not whole.
            UnknownNameError: No such accelerator; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
        from optimoe.arch.params import count_params

        cluster = self.hardware.cluster()
        flops = TRAIN_FLOPS_PER_PARAM_TOKEN * count_params(self.spec()).active * self.tokens
        batch, planned = self.batch, planned_batch_tokens(self.model)
        if batch.batch_tokens is None and planned:
            batch = replace(batch, batch_tokens=float(planned))
        run = batch.run(cluster.accelerator, cluster.num_gpus, precision=self.precision, train_flops=flops)
        if batch is not self.batch:
            run = replace(run, batch_source=f"the plan's, by {RECIPE} beside the model")
        return replace(run, price=self.price.price(cluster.accelerator.name))
