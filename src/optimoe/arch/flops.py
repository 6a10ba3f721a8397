"""FLOPs per token by part. A multiply-add is two FLOPs; matrix products count, element-wise work does not.

A lookup in the embedding costs none. Symbols as in :mod:`optimoe.arch.params`; t is the number of tokens that
one token attends to.
"""

from dataclasses import dataclass, fields
from typing import Literal

from optimoe.arch.mixers.attended import MlaForm, Phase
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import UnknownNameError, require

Recompute = Literal["none", "selective", "full"]
TRAIN_PASSES: dict[Recompute, int] = {"none": 3, "selective": 3, "full": 4}
"""Whole forward-equivalents of a training step: backward costs two forwards, full recomputation one more."""

TRAIN_FLOPS_PER_PARAM_TOKEN = 6
"""C = 6·N·D: two FLOPs forward and four backward per parameter and token (Kaplan 2020, Sec. 2.1)."""


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """FLOPs of one token's forward pass through the whole model, by part.

    ``indexer`` is the selection of sparse attention, ``recurrent`` all of linear and state-space mixers,
    ``streams`` what mixes the streams of the residual.
    """

    attention_projections: float
    attention_scores: float
    indexer: float
    recurrent: float
    streams: float
    router: float
    dense_ffn: float
    shared_experts: float
    routed_experts: float
    unembedding: float

    @property
    def total(self) -> float:
        """FLOPs of all parts together."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def nonembedding(self) -> float:
        """All parts but the logits: a third of Ling's and Wan's M, which counts training FLOPs per token."""
        return self.total - self.unembedding

    @property
    def attention(self) -> float:
        """Projections, scores, selection and recurrent mixers: C_A of Li et al. 2026."""
        return self.attention_projections + self.attention_scores + self.indexer + self.recurrent

    @property
    def experts(self) -> float:
        """Router, shared and routed experts: C_E of Li et al. 2026."""
        return self.router + self.shared_experts + self.routed_experts


def decode_flops(arch: ArchSpec, position: float, mla: MlaForm = "absorbed") -> FlopCount:
    """FLOPs of one token that attends to ``position`` tokens, itself included.

    Args:
        arch: A design or a grid of designs.
        position: Tokens before any window or selection.
        mla: Latent attention on the cached latents (``absorbed``), or on keys and values that were expanded
            from them and cached (``expanded``).

    Raises:
        ConfigError: The position is not positive.
    """
    require(position > 0, "position", "positive", position)
    return _forward(arch, position, "decode", mla)


def prefill_flops(arch: ArchSpec, length: float) -> FlopCount:
    """FLOPs per token of a causal pass over ``length`` tokens, the mean over them; MLA expanded.

    Raises:
        ConfigError: The length is not positive.
    """
    require(length > 0, "length", "positive", length)
    return _forward(arch, length, "prefill", "expanded")


def train_flops_per_token(arch: ArchSpec, length: float, recompute: Recompute = "none") -> float:
    """FLOPs per trained token on sequences of ``length``: 3 forward passes, 4 with full recomputation.

    Selective recomputation repeats the attention scores alone (Korthikanti 2022, arXiv 2205.05198, Sec. 5).

    Raises:
        ConfigError: The length is not positive.
        UnknownNameError: No such recomputation.
    """
    if recompute not in TRAIN_PASSES:
        raise UnknownNameError("recompute", recompute, TRAIN_PASSES)
    forward = prefill_flops(arch, length)
    again = forward.attention_scores if recompute == "selective" else 0
    return TRAIN_PASSES[recompute] * forward.total + again


@dataclass(frozen=True, kw_only=True)
class FrozenShares:
    """Which share of the weights of each part does not train; parts as in :class:`FlopCount`.

    Attributes:
        mixers: Of attention and recurrent mixers.
        router, dense_ffn, shared_experts, routed_experts: Of these.
        unembedding: Of the matrix of the logits.

    Raises:
        ConfigError: A share is none.
    """

    mixers: float = 0.0
    router: float = 0.0
    dense_ffn: float = 0.0
    shared_experts: float = 0.0
    routed_experts: float = 0.0
    unembedding: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            require(0 <= share <= 1, field.name, "from 0 to 1", share)


def frozen_flops_per_token(arch: ArchSpec, frozen: FrozenShares) -> float:
    """FLOPs per trained token that frozen weights save: their gradients, two for each that the token passes.

    What is left of :func:`train_flops_per_token` is one forward pass, the gradients of all inputs, and those of
    the weights that train. Too much is left where nothing trains below a frozen part: the gradients of the lowest
    inputs are then not needed.
    """
    saved = frozen.unembedding * 2 * arch.embedding_width * arch.logits
    for group in arch.layers:
        saved += frozen.mixers * group.num_layers * 2 * group.mixer.matrix_params(arch.d_model)
        for ffn in group.feed_forwards:
            for part, flops in ffn.flops(arch.d_model).items():
                saved += getattr(frozen, part) * group.num_layers * flops
    return saved


def expert_attention_ratio(arch: ArchSpec, context: float) -> float:
    """R = C_E / C_A: FLOPs in expert layers over FLOPs in attention layers (a ratio, not a share).

    Counted as Li et al. 2026 (App. C, values term corrected to 2·n²·d) do: every token attends to the whole
    context, without the causal half. A dense model has no expert layers and r = 0.
    """
    flops = decode_flops(arch, context, mla="expanded")
    return flops.experts / flops.attention


def _forward(arch: ArchSpec, length: float, phase: Phase, mla: MlaForm) -> FlopCount:
    sums: dict[str, float] = {field.name: 0 for field in fields(FlopCount)}
    for group in arch.layers:
        parts = group.mixer.flops(arch.d_model, length, phase, mla)
        for ffn in group.feed_forwards:
            for part, flops in ffn.flops(arch.d_model).items():
                parts[part] = parts.get(part, 0) + flops
        if group.streams is not None:
            parts["streams"] = group.streams.flops(arch.d_model)
        for part, flops in parts.items():
            sums[part] = sums[part] + group.num_layers * flops
    if (last := arch.layers[-1].streams) is not None:
        sums["streams"] = sums["streams"] + 2 * last.last_matrix_params(arch.d_model)
    sums["unembedding"] = 2 * arch.embedding_width * arch.logits
    sums["unembedding"] += sum(2 * matrix.matrix_params for matrix in arch.projections)
    return FlopCount(**sums)
