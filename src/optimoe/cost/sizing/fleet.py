"""Inverse questions: how many GPUs a load needs, and how long a context they can serve."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import InfeasibleError
from optimoe.core.progress import counted
from optimoe.core.units import SECONDS_PER_DAY
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import Cluster, sizes
from optimoe.cost.hardware.price import GpuPrice
from optimoe.cost.serving.carried import carried
from optimoe.cost.serving.estimate import Deployment, ServingEstimate
from optimoe.cost.serving.workload import Limits, Workload, beyond_context
from optimoe.cost.sizing.layouts import best_serving

LARGEST_CONTEXT = 2**24
"""Upper end of the bisection, in tokens: above every context that a model was published with."""


Bound = Literal["memory", "limits", "trained context", "search"]


@dataclass(frozen=True, kw_only=True)
class LongestContext:
    """The longest prompt, how it is served, and what ends it.

    Attributes:
        tokens: Of the prompt.
        estimate: How it is served.
        bound_by: What one token more would break: the memory, a limit on latency, the longest sequence that the
            model was made for; or nothing, where the search itself ends.
    """

    tokens: int
    estimate: ServingEstimate
    bound_by: Bound


@dataclass(frozen=True, kw_only=True)
class Offer:
    """GPUs of one kind at one price.

    Attributes:
        cluster: The accelerator, and the most GPUs that one deployment may take.
        price: Price of a GPU hour.
        engine: The software on them: a calibration may hold for one kind of GPU and not for another.
    """

    cluster: Cluster
    price: GpuPrice
    engine: Engine


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Equal deployments that carry a load together.

    Attributes:
        deployment: One of them.
        estimate: At its best batch within the limits; the fleet runs at ``utilisation`` of that.
        num_deployments: How many.
        utilisation: Load over what the fleet can carry.
        usd_per_hour: Dollars of all its GPUs for an hour; NaN without a price.
    """

    deployment: Deployment
    estimate: ServingEstimate
    num_deployments: int
    utilisation: float
    usd_per_hour: float

    @property
    def num_gpus(self) -> int:
        """GPUs of all its deployments together."""
        return self.num_deployments * self.deployment.cluster.num_gpus


def fleets(
    arch: ArchSpec,
    deployment: Deployment,
    offers: Sequence[Offer],
    output_tokens_per_s: float,
) -> list[Fleet]:
    """The cheapest fleet of each offer and deployment size that carries a load within the limits.

    Deployments of 1, 2, 4, … GPUs and of the most that the offer allows, each with its best batch and layout;
    their number is the load over the throughput of one, rounded up. Sorted by GPUs, then by dollars: the first is
    the smallest fleet. Under limits on percentiles requests come as a Poisson process, dealt out at random;
    otherwise limits are on the means of a closed system.

    Args:
        arch: The model.
        deployment: Workload and limits; its cluster, price and engine are replaced by the offers'.
        offers: Kinds of GPUs.
        output_tokens_per_s: The load: requests per second times their answer.

    Raises:
        InfeasibleError: The load is not positive, or no deployment keeps the limits: says what binds the largest
            deployment of each offer.
        UnknownNameError: No such precision.
    """
    if not output_tokens_per_s > 0:
        raise InfeasibleError(f"load: must be positive, got {output_tokens_per_s}")
    carriers, refusals = [], dict[str, InfeasibleError]()
    for offer in counted(offers):
        for num_gpus in sizes(offer.cluster.accelerator, offer.cluster.num_gpus):
            cluster = replace(offer.cluster, num_gpus=num_gpus)
            sized = replace(deployment, cluster=cluster, price=offer.price, engine=offer.engine)
            try:
                estimate = best_serving(arch, sized)
            except InfeasibleError as refusal:
                refusals[offer.cluster.accelerator.name] = refusal  # sizes rise: the largest one's is kept
            else:
                carriers.append(_fleet(sized, estimate, output_tokens_per_s))
    if not carriers:
        one_kind = len(refusals) == 1
        reasons = [str(refusal) if one_kind else f"{gpu}: {refusal}" for gpu, refusal in refusals.items()]
        raise InfeasibleError("; ".join(reasons))
    return sorted(carriers, key=lambda fleet: (fleet.num_gpus, fleet.usd_per_hour))


def longest_context(arch: ArchSpec, deployment: Deployment, concurrency: float) -> LongestContext:
    """The longest prompt that so many requests can have within memory, limits and the model's own context.

    Bisection on whole tokens, the answer's length kept; every layout is tried at every length. Prompt and answer
    together stay within ``max_context`` where the model states one, and the prompt below 2²⁴ in any case.

    Raises:
        InfeasibleError: Not even a prompt of one token can be served; says what binds.
    """

    def serve(tokens: int, limits: Limits = deployment.limits) -> ServingEstimate:
        workload = replace(deployment.workload, input_tokens=tokens)
        asked = replace(deployment, workload=workload, limits=limits)
        return best_serving(arch, asked, concurrency=concurrency)

    own = arch.max_context - deployment.workload.output_tokens
    if arch.max_context and own < 1:
        raise InfeasibleError(beyond_context(arch, replace(deployment.workload, input_tokens=1)))
    end = min(own, LARGEST_CONTEXT - 1) if arch.max_context else LARGEST_CONTEXT - 1
    low, high, longest = 1, end + 1, serve(1)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            low, longest = middle, serve(middle)
        except InfeasibleError:
            high = middle
    if low == end:
        bound: Bound = "trained context" if arch.max_context and own <= end else "search"
    else:
        bound = "limits" if _serves(lambda: serve(low + 1, Limits())) else "memory"
    return LongestContext(tokens=low, estimate=longest, bound_by=bound)


def _serves(attempt: Callable[[], ServingEstimate]) -> bool:
    try:
        attempt()
    except InfeasibleError:
        return False
    return True


def load_of(workload: Workload, *, requests_per_s: float = 0.0, tokens_per_day: float = 0.0) -> float:
    """Output tokens per second of a load stated as requests per second, or as output tokens per day."""
    return requests_per_s * workload.output_tokens + tokens_per_day / SECONDS_PER_DAY


def _fleet(deployment: Deployment, estimate: ServingEstimate, output_tokens_per_s: float) -> Fleet:
    shared = carried(
        output_tokens_per_s,
        tokens_per_s=estimate.tokens_per_s,
        num_gpus=deployment.cluster.num_gpus,
        usd_per_gpu_hour=deployment.price.usd_per_gpu_hour,
    )
    return Fleet(
        deployment=deployment,
        estimate=estimate,
        num_deployments=int(shared.deployments),
        utilisation=float(shared.utilisation),
        usd_per_hour=float(shared.usd_per_hour),
    )
