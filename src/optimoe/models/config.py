"""What a model's training chooses beyond its shape: how tokens are routed, and what is added to the loss."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.config import build, convert
from optimoe.core.errors import ConfigError, require, require_choice, require_types
from optimoe.models.attention.rope import Rotary
from optimoe.models.experts.activations import ACTIVATIONS
from optimoe.models.routers import INIT_STD, RouterConfig, TopK, read_router

Scope = Literal["batch", "sequence", "global", "step"]
"""Tokens over which loads and gates are counted (:class:`LossConfig`)."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of what is added to the language-model loss; all but ``logit_z`` are means over layers.

    Each is a mean over the routed layers whose router has it (``RouterConfig.losses``): balance over those that
    do not balance by themselves, z over those with logits, RL-R's three over those that sample. In the other
    layers it is 0 and counts for nothing.

    ``sequence`` and ``step`` are the same numbers however a step is cut into micro-batches and ranks; ``batch``
    and ``global`` depend on the cut: loads of 4 rows and of 16 are balanced to different degrees.

    Attributes:
        balance: Load-balancing loss (Switch).
        z: Router z-loss (ST-MoE).
        importance: Squared coefficient of variation of the gates (Shazeer).
        policy: REINFORCE term of RL-R.
        baseline: Squared error of RL-R's learned baseline.
        entropy: Entropy bonus of RL-R.
        logit_z: z-loss of the vocabulary's logits, the mean of (ln Σ_v exp logit_v)² over targets (PaLM, arXiv
            2204.02311, Sec. 5: 1e-4; Chameleon, arXiv 2405.09818: 1e-5).
        scope: Tokens over which loads and gates are counted for ``balance`` and ``importance``: this micro-batch
            of this rank (``batch``), each sequence or document by itself (``sequence``), all ranks' current
            micro-batches (``global``; Qiu et al. 2025, arXiv 2501.11873), all micro-batches of all ranks
            (``step``, which needs a first pass: :class:`optimoe.models.losses.step.Step`).

    Raises:
        ConfigError: A weight is negative or no finite number.
        UnknownNameError: The scope is none of its words.
    """

    balance: float = 0.0
    z: float = 0.0
    importance: float = 0.0
    policy: float = 1.0
    baseline: float = 1.0
    entropy: float = 0.01
    logit_z: float = 0.0
    scope: Scope = "batch"

    def __post_init__(self) -> None:
        require_types(self)
        for weight in fields(self):
            if weight.name != "scope":
                value = getattr(self, weight.name)
                require(0 <= value < math.inf, weight.name, "zero or more, and finite", value)


@dataclass(frozen=True, kw_only=True)
class Multipliers:
    """Fixed factors by which a model scales what passes (Granite 3; µP, arXiv 2203.03466).

    Attributes:
        embedding: Of the embedded tokens.
        residual: Of every part's output, before it is added to the residual stream.
        attention: Of the products q·k, in place of 1/√C; 0 keeps that.
        logits: What the logits are divided by.

    Raises:
        ConfigError: One is no positive finite number.
    """

    embedding: float = 1.0
    residual: float = 1.0
    attention: float = 0.0
    logits: float = 1.0

    def __post_init__(self) -> None:
        require_types(self)
        for name in ("embedding", "residual", "logits"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"multipliers: {name}", "positive and finite", value)
        fine = 0 <= self.attention < math.inf
        require(fine, "multipliers: attention", "positive and finite, or 0 for 1/√C", self.attention)


@dataclass(frozen=True, kw_only=True)
class LayerRouter:
    """The router of some layers, in place of the one of all others.

    Attributes:
        layers: Numbers of routed layers, from 0, dense ones counted: DeepSeek-V4 hashes its first three.
        router: Their router.

    Raises:
        ConfigError: There is no layer, a number is negative, or one comes twice.
    """

    layers: tuple[int, ...]
    router: RouterConfig

    def __post_init__(self) -> None:
        require_types(self)
        require(len(self.layers) > 0, "layers", "one or more", "none")
        require(min(self.layers) >= 0, "layers", "numbers from 0", min(self.layers))
        _require_once(self.layers, "layers")

    @classmethod
    def from_table(cls, table: Any, where: str) -> "LayerRouter":
        """The routers of a table with ``layers``, a list of numbers, and ``router``, a table with a ``kind``.

        Raises:
            ConfigError: A field is missing, has the wrong type or is out of its limits.
            UnknownNameError: No such field, router or option; the text names the nearest.
        """
        require(isinstance(table, Mapping), where, "a table with layers and router", table)
        names = [f.name for f in fields(cls)]
        for name in table:
            require_choice(name, f"{where}: field", names)
        for name in names:
            require(name in table, f"{where}: {name}", "given", None)
        layers = convert(table["layers"], tuple[int, ...], f"{where}: layers")
        return cls(layers=layers, router=read_router(table["router"], f"{where}: router"))


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What an :class:`~optimoe.arch.spec.ArchSpec` leaves open.

    Attributes:
        router: The router of every routed layer that ``layer_routers`` does not name.
        layer_routers: Routers of some layers by their numbers, each layer once at most.
        losses: What is added to the language-model loss.
        activation: σ of every feed-forward; gated ones multiply it with a second product.
        rotary: Rotary positions, where positions are not learned.
        norm_eps: Added to every norm's variance.
        multipliers: Fixed factors of embedding, residual branches, attention and logits.
        init_std: Standard deviation of the initial weights; projections back to the residual stream start
            smaller, by √(2·layers) in a dense gated feed-forward (:mod:`optimoe.models.initial`).

    Raises:
        ConfigError: A number is out of limits, a layer has two routers, or no router has one of the losses.
        UnknownNameError: No such activation.
    """

    router: RouterConfig = field(default_factory=TopK)
    layer_routers: tuple[LayerRouter, ...] = ()
    losses: LossConfig = field(default_factory=LossConfig)
    activation: str = "silu"
    rotary: Rotary = field(default_factory=Rotary)
    norm_eps: float = 1e-6
    multipliers: Multipliers = field(default_factory=Multipliers)
    init_std: float = INIT_STD

    def __post_init__(self) -> None:
        require_types(self)
        require_choice(self.activation, "activation", ACTIVATIONS)
        for name in ("norm_eps", "init_std"):
            value = getattr(self, name)
            require(0 < value < math.inf, name, "positive and finite", value)
        _require_once([layer for some in self.layer_routers for layer in some.layers], "layer_routers")
        _refuse_idle_losses([self.router, *(some.router for some in self.layer_routers)], self.losses)

    def router_of(self, layer: int) -> RouterConfig:
        """The router of a layer, by the layer's number."""
        named = (some.router for some in self.layer_routers if layer in some.layers)
        return next(named, self.router)

    def of_each_router(self, arch: ArchSpec) -> "list[ModelConfig]":
        """Configurations that have one router each, of those in an architecture's layers; no added losses."""
        routers = dict.fromkeys(self.router_of(layer) for layer in _routed_layers(arch)) or [self.router]
        return [replace(self, router=router, layer_routers=(), losses=LossConfig()) for router in routers]

    def require_layers(self, arch: ArchSpec) -> None:
        """Refuse what the layers of an architecture give no meaning to.

        Raises:
            ConfigError: A router is named for a layer that does not route, or no routed layer has a loss.
        """
        routed = _routed_layers(arch)
        for some in self.layer_routers:
            for layer in some.layers:
                limit = f"of routed layers ({_spans(routed)} of {arch.num_layers})"
                require(layer in routed, "layer_routers: layers", limit, layer)
        if routed:
            _refuse_idle_losses([self.router_of(layer) for layer in routed], self.losses)

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str = "model") -> "ModelConfig":
        """The configuration of a table, such as :func:`optimoe.core.config.to_table` writes.

        Args:
            table: Fields by name; ``router`` is a table with a ``kind``, ``layer_routers`` a list of tables with
                ``layers`` and ``router``, ``losses`` a table.
            where: What the table is, for the error line.

        Raises:
            ConfigError: A field has the wrong type or is out of its limits.
            UnknownNameError: No such field, router or option; the text names the nearest.
        """
        parts: dict[str, Any] = {}
        if "router" in table:
            parts["router"] = read_router(table["router"], f"{where}: router")
        if "rotary" in table:
            parts["rotary"] = Rotary.from_table(table["rotary"], f"{where}: rotary")
        if "layer_routers" in table:
            some, name = table["layer_routers"], f"{where}: layer_routers"
            require(isinstance(some, list | tuple), name, "a list of tables", some)
            parts["layer_routers"] = tuple(LayerRouter.from_table(each, name) for each in some)
        if "losses" in table:
            require(isinstance(table["losses"], Mapping), f"{where}: losses", "a table", table["losses"])
            parts["losses"] = build(LossConfig, table["losses"], f"{where}: losses")
        if "multipliers" in table:
            factors = table["multipliers"]
            require(isinstance(factors, Mapping), f"{where}: multipliers", "a table", factors)
            parts["multipliers"] = build(Multipliers, factors, f"{where}: multipliers")
        plain = {name: value for name, value in table.items() if name not in parts}
        return replace(build(cls, plain, where), **parts)


def count_extra_params(arch: ArchSpec, config: ModelConfig) -> int:
    """What a model adds to, or leaves out of, ``count_params(arch).total`` for the sake of its routers."""
    return sum(router.extra_params(part, arch.d_model) for router, part in _routed(arch, config))


def count_most_active_params(arch: ArchSpec, config: ModelConfig) -> int:
    """Parameters that a token touches at most, both embeddings and what routers add included.

    ``count_params(arch).active`` counts k experts, the mean over tokens at even loads where experts that compute
    nothing or experts that choose make tokens differ; here a token has as many as it may.
    """
    more = (
        (router.most_experts(part) - part.top_k) * part.expert_params(arch.d_model)
        for router, part in _routed(arch, config)
    )
    return count_params(arch).active + count_extra_params(arch, config) + sum(more)


def _routed(arch: ArchSpec, config: ModelConfig) -> list[tuple[RouterConfig, MoE]]:
    """The router and the experts of every routed layer."""
    layers = enumerate(arch.unrolled)
    return [(config.router_of(layer), group.ffn) for layer, group in layers if isinstance(group.ffn, MoE)]


def _routed_layers(arch: ArchSpec) -> list[int]:
    return [layer for layer, group in enumerate(arch.unrolled) if isinstance(group.ffn, MoE)]


def _require_once(layers: Iterable[int], name: str) -> None:
    twice = [layer for layer, times in Counter(layers).items() if times > 1]
    require(not twice, name, "each layer once", f"{twice[:3]} more often")


def _refuse_idle_losses(routers: Iterable[RouterConfig], losses: LossConfig) -> None:
    """Refuse a loss that would be 0 in every layer, but for RL-R's, whose weights stand unasked.

    Raises:
        ConfigError: There is one.
    """
    kinds = {router.kind: router for router in routers}
    has = frozenset().union(*(router.losses for router in kinds.values()))
    for name, reason in (("balance", _BALANCES), ("importance", _BALANCES), ("z", "which has no logits")):
        weight = getattr(losses, name)
        if weight > 0 and name not in has:
            raise ConfigError(f"{name}: must be 0 beside {' and '.join(kinds)} routing, {reason}, got {weight}")


_BALANCES = "which balances by itself"


def _spans(layers: list[int]) -> str:
    """Rising numbers in words: 0–2, 5."""
    starts = [layer for layer in layers if layer - 1 not in layers]
    ends = [layer for layer in layers if layer + 1 not in layers]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(f"{start}" if start == end else f"{start}–{end}" for start, end in pairs) or "none"
