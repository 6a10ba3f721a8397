"""The request of ``optimoe cost size-from-speed``: what is seen of a model from outside."""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.arch.quantize import AUTO
from optimoe.core.errors import require
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import Hardware, ServePrice
from optimoe.inputs.groups.requests import Requests
from optimoe.inputs.quantities import Quantity, Several, numbers, whole

if TYPE_CHECKING:
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.cost.sizing.size_from_speed import ExpertCount, Observed, TypicalShape, Unknown


@Parameter(name="*", group="Engine")
@dataclass(frozen=True, kw_only=True)
class ObservedEngine(EngineChoice):
    """The serving software, as far as it is known."""

    precision: Several = ""
    """Precision of the served weights, as in `cost`; left out: bf16, with 8 bits in the band."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SizeFromSpeedRequest:
    """Guess a model's size from the speed and the price at which it is sold, on given GPUs.

    Attributes:
        hardware: The GPUs on which it is thought to run.
        requests: Lengths and limits.
        engine: The serving software.
        price: Dollars of a GPU hour.
    """

    tokens_per_s: float = 0.0
    """Output tokens per second of one user, after the first; 0 if not known."""
    usd_per_mtok: float = math.inf
    """Price of a million output tokens; inf if not known."""
    input_usd_per_mtok: float = 0.0
    """Price of a million prompt tokens, where they are charged apart."""
    margin: float | None = None
    """Share of the price that is not the cost of the GPUs; left out: 0, with 0.7 in the band."""
    utilisation: float | None = None
    """Share of the GPU hours in which the deployment runs at its batch; left out: 1, with 0.5 in the band."""
    concurrency: Quantity | None = None
    """Requests in flight, where known; left out, the cheapest batch at that speed."""
    sparsity: Several = "4,8,16,32"
    """Experts over active experts, E/k, of the models to answer for; several by comma."""
    top_k: int = 8
    """Routed experts per token, k."""
    experts: Several = ""
    """Expert counts in place of --sparsity; several by comma."""
    kv_heads: int = 8
    """Key-value heads."""
    aspect: float | None = None
    """Width over depth, d_model/layers; left out: 128, with 64 in the band."""
    ffn_ratio: float | None = None
    """Width of the feed-forward, or of all experts of a token, over d_model; left out: 3, with 2 in the band."""
    hardware: Hardware
    requests: Requests = field(default_factory=Requests)
    engine: ObservedEngine = field(default_factory=ObservedEngine)
    price: ServePrice = field(default_factory=ServePrice)

    def observed(self) -> "Observed":
        """What is seen, the price of a prompt added to that of its answer.

        Raises:
            InputError: A length is not whole.
            ConfigError: A number is out of limits, or neither speed nor price is given.
        """
        from optimoe.cost.sizing.size_from_speed import Observed

        prompt_usd, workload = self.input_usd_per_mtok, self.requests.workload()
        require(0 <= prompt_usd < math.inf, "input_usd_per_mtok", "zero or more and finite", prompt_usd)
        prompts = prompt_usd * workload.input_tokens / workload.output_tokens
        return Observed(
            tokens_per_s=self.tokens_per_s,
            usd_per_mtok=self.usd_per_mtok + prompts,
            margin=self.margin or 0.0,
            utilisation=1.0 if self.utilisation is None else self.utilisation,
            concurrency=self.concurrency or 0.0,
        )

    def kinds(self) -> "list[ExpertCount]":
        """The numbers of experts to answer for.

        Raises:
            InputError: A list holds something else than numbers, or a sparsity makes no whole number of experts.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.sizing.size_from_speed import ExpertCount

        if self.experts:
            counts = numbers("--experts", self.experts, int)
        else:
            given = numbers("--sparsity", self.sparsity, float)
            require(min(given) >= 1, "sparsity", "at least 1, experts over active experts", min(given))
            counts = tuple(whole("sparsity × top_k", one * self.top_k) for one in given)
        return [ExpertCount(num_experts=count, top_k=1 if count == 1 else self.top_k) for count in counts]

    def shape(self) -> "TypicalShape":
        """What the models of the ladder have in common.

        Raises:
            ConfigError: A number is not positive.
        """
        from optimoe.cost.sizing.size_from_speed import TypicalShape

        aspect = TypicalShape.aspect if self.aspect is None else self.aspect
        ffn_ratio = TypicalShape.ffn_ratio if self.ffn_ratio is None else self.ffn_ratio
        return TypicalShape(num_kv_heads=self.kv_heads, aspect=aspect, ffn_ratio=ffn_ratio)

    def deployment(self) -> "Deployment":
        """The GPUs, the requests, the limits, the price and the software.

        Raises:
            InputError: The GPUs are not named, a length is not whole, or several precisions are stated.
            UnknownNameError: A name is not known; lists the nearest.
            ConfigError: A number is out of limits.
        """
        from optimoe.cost.serving.estimate import Deployment

        cluster = self.hardware.cluster()
        return Deployment(
            cluster=cluster,
            workload=self.requests.workload(),
            limits=self.requests.limits(),
            price=self.price.price(cluster.accelerator.name),
            engine=replace(self.engine, precision=self._precision or "bf16").only_engine(),
        )

    @property
    def _precision(self) -> str:
        """The precision that is stated; the typical models have no checkpoint that could state one."""
        return "" if self.engine.precision == AUTO else self.engine.precision

    def stated(self) -> "frozenset[Unknown]":
        """What is known and is not put in another way."""
        known: dict[Unknown, bool] = {
            "precision": bool(self._precision),
            "margin": self.margin is not None,
            "utilisation": self.utilisation is not None,
            "drafts": self.engine.draft_tokens > 0,
            "engine": bool(self.engine.calibration),
            "depth": self.aspect is not None,
            "width": self.ffn_ratio is not None,
        }
        return frozenset(name for name, given in known.items() if given)
