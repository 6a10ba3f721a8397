"""The parts of a run beside its model: optimizer, schedule of the rate, split over devices, and data."""

import math
from dataclasses import dataclass
from typing import Literal

from optimoe.core.errors import require, require_nonnegative, require_positive, require_text, require_types

OptimizerName = Literal["adamw", "muon"]
Decay = Literal["linear", "cosine"]
Precision = Literal["fp32", "bf16", "fp16", "fp8"]
Recomputation = Literal["none", "selective", "full"]

ZERO_STAGES = (0, 1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How gradients move the weights; the defaults are those of DeepSeek V3 (arXiv 2412.19437, Sec. 4.2).

    Attributes:
        name: ``adamw`` or ``muon``.
        betas: Decay of the running means of the gradient and of its square.
        epsilon: Added to the root of the second mean; PyTorch's default, as the paper states none.
        weight_decay: Pull of the weights towards zero, times the rate of the step.
        clip_norm: Largest norm of the gradient, beyond which it is scaled down.

    Raises:
        UnknownNameError: No such optimizer.
        ConfigError: A number is out of limits.
    """

    name: OptimizerName = "adamw"
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        require_types(self)
        require(len(self.betas) == 2, "betas", "two numbers", self.betas)
        require(all(0 <= beta < 1 for beta in self.betas), "betas", "from 0 to below 1", self.betas)
        require_nonnegative(self, "weight_decay")
        require_positive(self, "epsilon", "clip_norm")
        for name in ("epsilon", "weight_decay", "clip_norm"):
            require(math.isfinite(getattr(self, name)), name, "finite", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The learning rate over a run: linear warm-up to the peak, a constant stretch, then a decay.

    A decay over the last part of the run alone (``cooldown_share`` 0.2) is called warmup-stable-decay; one over
    all of it (``cooldown_share`` 1) is the classic cosine.

    Attributes:
        peak_rate: Largest learning rate; what is right depends on size and compute, so there is no default.
        kind: Shape of the decay: ``linear`` or ``cosine``.
        warmup_tokens: Tokens over which the rate rises from 0.
        cooldown_share: Part of the tokens after warm-up over which the rate falls; 0 keeps it constant.
        final_share: Rate at the end, over the peak.

    Raises:
        UnknownNameError: No such shape.
        ConfigError: A number is out of limits.
    """

    peak_rate: float
    kind: Decay = "linear"
    warmup_tokens: int = 0
    cooldown_share: float = 0.2
    final_share: float = 0.0

    def __post_init__(self) -> None:
        require_types(self)
        require(0 < self.peak_rate < math.inf, "peak_rate", "positive and finite", self.peak_rate)
        require_nonnegative(self, "warmup_tokens")
        for name in ("cooldown_share", "final_share"):
            require(0 <= getattr(self, name) <= 1, name, "from 0 to 1", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class RunLayout:
    """How a run is split over devices; ``tp · pp · dp`` is their number.

    The fields are those of :class:`optimoe.cost.training.layout.TrainLayout`, of one layout.

    Attributes:
        tp: Tensor parallel: devices that split heads and widths.
        ep: Expert parallel: parts into which the experts of a layer are dealt; divides tp · dp.
        pp: Pipeline stages.
        dp: Data-parallel ranks, each with sequences of its own.
        zero: Shared over dp: nothing (0), optimizer states (1), gradients too (2), weights too (3).
        micro_batch: Sequences of one rank in one pass.
        interleave: Chunks of layers per stage.
        recompute: Activations computed again in the backward pass: ``none``, ``selective`` or ``full``.
        sequence_parallel: Whether norms and residuals are split by tokens over tp.
        first_layers: Layers of the first pipeline stage; 0 where all stages hold as many.
        last_layers: Layers of the last one; 0 likewise.

    Raises:
        UnknownNameError: No such recomputation.
        ConfigError: A degree is no positive whole number, or ``ep`` does not divide tp · dp.
    """

    tp: int = 1
    ep: int = 1
    pp: int = 1
    dp: int = 1
    zero: int = 1
    micro_batch: int = 1
    interleave: int = 1
    recompute: Recomputation = "none"
    sequence_parallel: bool = True
    first_layers: int = 0
    last_layers: int = 0

    def __post_init__(self) -> None:
        degrees = ("tp", "ep", "pp", "dp", "micro_batch", "interleave")
        require_types(self)
        require_positive(self, *degrees)
        require_nonnegative(self, "first_layers", "last_layers")
        require(self.zero in ZERO_STAGES, "zero", f"one of {ZERO_STAGES}", self.zero)
        require((self.tp * self.dp) % self.ep == 0, "ep", f"a divisor of tp · dp = {self.tp * self.dp}", self.ep)


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """One corpus of the mixture.

    Attributes:
        name: What the trainer knows it by: a name, a file or a folder.
        weight: Its share of the tokens, relative to the other sources.

    Raises:
        ConfigError: The name is empty, or the weight is not positive and finite.
    """

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        require_types(self)
        require_text(self, "name")
        require(0 < self.weight < math.inf, "weight", "positive and finite", self.weight)


@dataclass(frozen=True, kw_only=True)
class DataMix:
    """What a run is trained on. Losses of two tokenizers or corpora are not comparable.

    Attributes:
        sources: The mixture; empty where the trainer is told.
        tokenizer: Its name or file; empty where the trainer is told.
        seed: Of the order of the data. Apart from the run's own seed, so that runs that are compared see the same
            tokens in the same order.

    Raises:
        ConfigError: A source stands twice, or the seed is negative.
    """

    sources: tuple[DataSource, ...] = ()
    tokenizer: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self)
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, "sources", "named once each", ", ".join(twice))
        require_nonnegative(self, "seed")
