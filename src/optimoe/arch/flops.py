"""FLOPs per token by part. A multiply-add is two FLOPs; matrix products count, element-wise work does not.

A lookup in the embedding costs none. Symbols as in :mod:`optimoe.arch.params`; t is the number of tokens that
one token attends to.
"""

from dataclasses import dataclass, fields
from functools import singledispatch
from typing import Any, Literal

from optimoe.arch.params import ffn_matrix_params, indexer_matrix_params, mixer_matrix_params
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
    Attention,
    FeedForward,
    GatedDeltaNet,
    LatentAttention,
    LightningAttention,
    Mamba,
)
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import UnknownNameError, require

Recompute = Literal["none", "selective", "full"]
TRAIN_PASSES: dict[Recompute, int] = {"none": 3, "selective": 3, "full": 4}
"""Whole forward-equivalents of a training step: backward costs two forwards, full recomputation one more."""

TRAIN_FLOPS_PER_PARAM_TOKEN = 6
"""C = 6·N·D: two FLOPs forward and four backward per parameter and token (Kaplan 2020, Sec. 2.1)."""

MlaForm = Literal["absorbed", "expanded"]
Phase = Literal["prefill", "decode"]


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """FLOPs of one token's forward pass through the whole model, by part.

    ``indexer`` is the selection of sparse attention, ``recurrent`` all of linear and state-space mixers.
    """

    attention_projections: float
    attention_scores: float
    indexer: float
    recurrent: float
    router: float
    dense_ffn: float
    shared_experts: float
    routed_experts: float
    unembedding: float

    @property
    def total(self) -> float:
        """All parts together."""
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
        parts = mixer_flops(group.mixer, arch.d_model, length, phase, mla)
        for ffn in (group.ffn, group.residual):
            for part, flops in ffn_flops(ffn, arch.d_model).items() if ffn else ():
                parts[part] = parts.get(part, 0) + flops
        for part, flops in parts.items():
            sums[part] = sums[part] + group.num_layers * flops
    sums["unembedding"] = 2 * arch.d_model * arch.vocab_size
    return FlopCount(**sums)


@singledispatch
def mixer_flops(mixer: Any, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """One token through one mixer, by part of :class:`FlopCount`."""
    raise TypeError(type(mixer).__name__)


@mixer_flops.register
def _(mixer: Attention, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """Projections 2 per weight; scores and weighted values 2·h·d_h each, per attended token."""
    seen = attended(length, mixer.window_tokens, phase, mixer.chunked)
    return {
        "attention_projections": 2 * mixer_matrix_params(mixer, d_model),
        "attention_scores": 4 * mixer.num_heads * mixer.head_dim * seen,
    }


@mixer_flops.register
def _(mixer: LatentAttention, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """Expanded: 2·h·(d_nope + d_rope + d_v) per attended token. Absorbed: 2·h·(2·d_c + d_rope).

    The projections cost the same in both: the absorbed form applies the expansion to query and output
    instead of key and value. An indexer scores every token and sums its heads, 2·h_i·(d_i + 1) each, and
    attention sees its ``top_k``.
    """
    heads, indexer = mixer.num_heads, mixer.indexer
    seen = attended(length, indexer.top_k if indexer else UNLIMITED_WINDOW, phase)
    absorbed = 2 * mixer.kv_lora_rank + mixer.qk_rope_dim
    expanded = mixer.qk_nope_dim + mixer.qk_rope_dim + mixer.v_dim
    selection: float = 0
    if indexer is not None:
        everything = attended(length, UNLIMITED_WINDOW, phase)
        scores = indexer.num_heads * (indexer.head_dim + 1) * everything
        selection = 2 * (indexer_matrix_params(mixer, d_model) + scores)
    return {
        "attention_projections": 2 * (mixer_matrix_params(mixer, d_model) - indexer_matrix_params(mixer, d_model)),
        "attention_scores": 2 * heads * (absorbed if mla == "absorbed" else expanded) * seen,
        "indexer": selection,
    }


@mixer_flops.register
def _(mixer: Mamba, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """Projections, convolution 2·i·c, and the read-out of the state 2·i·s (its update is element-wise)."""
    inner = mixer.d_inner * (mixer.d_conv + mixer.d_state)
    return {"recurrent": 2 * (mixer_matrix_params(mixer, d_model) + inner)}


@mixer_flops.register
def _(mixer: GatedDeltaNet, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """Projections, convolution, and three products with the state per value head: 6·h_v·d_k·d_v.

    Read-out of the key, rank-one update, read-out of the query. Chunked kernels do more in prefill.
    """
    state = 3 * mixer.num_value_heads * mixer.key_dim * mixer.value_dim
    return {"recurrent": 2 * (mixer_matrix_params(mixer, d_model) + mixer.conv_width * mixer.d_conv + state)}


@mixer_flops.register
def _(mixer: LightningAttention, d_model: int, length: float, phase: Phase, mla: MlaForm) -> dict[str, float]:
    """Projections, and two products with the state per head: 4·h·d_h²."""
    state = 2 * mixer.num_heads * mixer.head_dim**2
    return {"recurrent": 2 * (mixer_matrix_params(mixer, d_model) + state)}


def ffn_flops(ffn: FeedForward, d_model: int) -> dict[str, float]:
    """Two FLOPs per weight of each matrix that a token passes."""
    params = ffn_matrix_params(ffn, d_model)
    if "routed_experts" in params:
        params["routed_experts"] = params.pop("routed_experts_active")
    return {part: 2 * weights for part, weights in params.items()}


def attended(length: float, window: float, phase: Phase, chunked: bool = False) -> Any:
    """Tokens that one token attends to: the last of ``length`` in decode, the mean over them in prefill.

    Sliding window w: min(i, w) for token i, in the mean s·(1 − (s − 1)/(2·length)) with s = min(length, w).
    Chunks of c: (i − 1) mod c + 1, in the mean [q·c·(c + 1) + r·(r + 1)]/(2·length) with q whole chunks and
    r tokens left.
    """
    if chunked:
        whole, left = length // window, length % window
        if phase == "decode":
            return (length - 1) % window + 1
        return (whole * window * (window + 1) + left * (left + 1)) / (2 * length)
    seen = minimum(length, window)
    return seen if phase == "decode" else seen * (1 - (seen - 1) / (2 * length))


def minimum(left: Any, right: Any) -> Any:
    """The smaller of two numbers or arrays; NumPy is loaded for arrays only."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        return min(left, right)
    import numpy as np

    return np.minimum(left, right)
