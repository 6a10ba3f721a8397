"""Parameters by part, and every convention that a law or a maker counts by.

Symbols: d ``d_model``, h heads, h_kv key-value heads, d_h ``head_dim``, f hidden width, m matrices per
feed-forward (3 gated, 2 plain), E experts, k per token, E_s shared, V vocabulary, n layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import singledispatch
from typing import Any

from optimoe.arch.parts import (
    PEER,
    Attention,
    DenseFFN,
    FeedForward,
    GatedDeltaNet,
    LatentAttention,
    LightningAttention,
    Mamba,
    Mixer,
    MoE,
)
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import holds

FFN_MATRICES_GATED, FFN_MATRICES_PLAIN = 3, 2
Parts = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ParamCount:
    """Parameters of the whole model by part; there is no "the parameter count".

    ``attention`` holds the projections, biases and inner norms of softmax mixers, ``recurrent`` everything of
    linear and state-space mixers, ``routed_experts_active`` the share of ``routed_experts`` that one token
    uses (k of E).
    """

    embedding: int
    unembedding: int
    attention: int
    recurrent: int
    norms: int
    router: int
    dense_ffn: int
    shared_experts: int
    routed_experts: int
    routed_experts_active: int

    @property
    def total(self) -> int:
        """Everything stored, both embeddings included: Hoffmann's N of a dense model."""
        return self.nonembedding + self.embedding + self.unembedding

    @property
    def nonembedding(self) -> int:
        """Everything stored but the embeddings and the unembedding."""
        return self._common + self.routed_experts

    @property
    def active(self) -> int:
        """What one token touches, both embeddings included: Ludziejewski's N_act."""
        return self.active_nonembedding + self.embedding + self.unembedding

    @property
    def active_nonembedding(self) -> int:
        """What one token touches but the embeddings and the unembedding: Clark's dense N of a top-1 model."""
        return self._common + self.routed_experts_active

    @property
    def nonembedding_without_router(self) -> int:
        """Krajewski's N: stored, without embeddings and routing matrices (arXiv 2402.07871, Sec. 6.1)."""
        return self.nonembedding - self.router

    @property
    def _common(self) -> int:
        return self.attention + self.recurrent + self.norms + self.router + self.dense_ffn + self.shared_experts


def count_params(arch: ArchSpec) -> ParamCount:
    """Count the parameters of a model, exactly: a sum over its layer groups plus embeddings and last norm."""
    d = arch.d_model
    sums = dict.fromkeys((field.name for field in fields(ParamCount)), 0)
    for group in arch.layers:
        for part, params in layer_params(arch, group).items():
            sums[part] += group.num_layers * params
    sums["norms"] += norm_params(arch)
    sums["embedding"] = arch.vocab_size * d + arch.num_positions * d
    bias = arch.unembedding_bias * arch.vocab_size
    sums["unembedding"] = bias if arch.tied_embeddings else arch.vocab_size * d + bias
    return ParamCount(**sums)


def count_mtp_params(arch: ArchSpec) -> int:
    """Parameters of the multi-token-prediction layers, counted apart (DeepSeek V3, arXiv 2412.19437, Sec. 2.2).

    Each is a layer like the last, a projection of the joined hidden state and embedding 2d → d, and three norms
    (hidden state, embedding, before the shared unembedding). Embeddings are shared with the model.
    """
    if holds(arch.num_mtp_layers == 0):
        return 0
    last = sum(layer_params(arch, arch.layers[-1])[part] for part in _STORED)
    return arch.num_mtp_layers * (last + 2 * arch.d_model**2 + 3 * norm_params(arch))


def one_expert_twin(arch: ArchSpec) -> ArchSpec:
    """The dense model whose feed-forward is one expert: what upcycling starts from; Yun's N is its nonembedding.

    Of a top-1 model without shared experts it is also what one token sees (Clark's N).
    """
    return _twin(arch, lambda moe: moe.d_expert)


def dense_twin(arch: ArchSpec) -> ArchSpec:
    """The dense model as wide as all experts that a token uses: equal active size, but for the router."""
    return _twin(arch, lambda moe: moe.top_k * moe.d_expert + moe.num_shared_experts * moe.d_shared)


def _twin(arch: ArchSpec, width: Callable[[MoE], int]) -> ArchSpec:
    def dense(ffn: FeedForward) -> FeedForward:
        return DenseFFN(d_ff=width(ffn), gated=ffn.gated) if isinstance(ffn, MoE) else ffn

    return replace(arch, layers=tuple(replace(group, ffn=dense(group.ffn)) for group in arch.layers))


def layer_params(arch: ArchSpec, group: LayerGroup) -> Parts:
    """One layer of a group, by part."""
    d = arch.d_model
    parts = dict.fromkeys(_LAYER_PARTS, 0)
    attention = isinstance(group.mixer, Attention | LatentAttention)
    parts["attention" if attention else "recurrent"] = mixer_params(group.mixer, d)
    parts["norms"] = group.num_norms * norm_params(arch)
    parts |= ffn_params(group.ffn, d)
    if group.residual is not None:
        parts["dense_ffn"] += ffn_params(group.residual, d)["dense_ffn"]
    return parts


_STORED = ("attention", "recurrent", "norms", "router", "dense_ffn", "shared_experts", "routed_experts")
_LAYER_PARTS = (*_STORED, "routed_experts_active")


def norm_params(arch: ArchSpec) -> int:
    """One norm over the residual stream: d weights, and d biases in a full LayerNorm."""
    return arch.d_model * (2 if arch.norm == "layernorm" else 1)


def mixer_params(mixer: Mixer, d_model: int) -> int:
    """Everything a mixer stores: its matrices, and what :func:`mixer_vector_params` counts."""
    return mixer_matrix_params(mixer, d_model) + mixer_vector_params(mixer, d_model)


@singledispatch
def mixer_matrix_params(mixer: Any, d_model: int) -> int:
    """The matrices that every token is multiplied with: two FLOPs each."""
    raise TypeError(type(mixer).__name__)


@singledispatch
def mixer_vector_params(mixer: Any, d_model: int) -> int:
    """Biases, norms, convolution kernels, decays and sinks."""
    raise TypeError(type(mixer).__name__)


@mixer_matrix_params.register
def _(mixer: Attention, d_model: int) -> int:
    """Q (and its gate), K, V, O: d·d_h·((2 + gate)·h + 2·h_kv)."""
    return d_model * mixer.head_dim * ((2 + mixer.output_gate) * mixer.num_heads + 2 * mixer.num_kv_heads)


@mixer_vector_params.register
def _(mixer: Attention, d_model: int) -> int:
    queries, keys = mixer.num_heads * mixer.head_dim, mixer.num_kv_heads * mixer.head_dim
    norms = {"none": 0, "head": 2 * mixer.head_dim, "full": queries + keys}[mixer.qk_norm]
    qkv = mixer.qkv_bias * ((1 + mixer.output_gate) * queries + 2 * keys)
    return qkv + mixer.output_bias * d_model + norms + mixer.sinks * mixer.num_heads


@mixer_matrix_params.register
def _(mixer: LatentAttention, d_model: int) -> int:
    """d·q + q·h·(d_nope + d_rope), or d·h·(d_nope + d_rope); d·(d_c + d_rope); d_c·h·(d_nope + d_v); h·d_v·d."""
    heads, rank = mixer.num_heads, mixer.q_lora_rank
    query = heads * (mixer.qk_nope_dim + mixer.qk_rope_dim)
    queries = rank * (d_model + query) + (rank == 0) * d_model * query
    latent = d_model * (mixer.kv_lora_rank + mixer.qk_rope_dim)
    expand = mixer.kv_lora_rank * heads * (mixer.qk_nope_dim + mixer.v_dim)
    return queries + latent + expand + heads * mixer.v_dim * d_model + indexer_matrix_params(mixer, d_model)


def indexer_matrix_params(mixer: LatentAttention, d_model: int) -> int:
    """Index queries from the compressed ones q·h_i·d_i, one key d·d_i, head weights d·h_i; 0 without."""
    indexer = mixer.indexer
    if indexer is None:
        return 0
    queries = mixer.q_lora_rank * indexer.num_heads * indexer.head_dim
    return queries + d_model * (indexer.head_dim + indexer.num_heads)


@mixer_vector_params.register
def _(mixer: LatentAttention, d_model: int) -> int:
    compressed = mixer.q_lora_rank + mixer.kv_lora_rank + mixer.qk_rope_dim
    index_norm = 2 * mixer.indexer.head_dim if mixer.indexer else 0
    return mixer.q_lora_rank + mixer.kv_lora_rank + mixer.bias * (compressed + d_model) + index_norm


@mixer_matrix_params.register
def _(mixer: Mamba, d_model: int) -> int:
    """In d·2i, step size, B and C i·(r + 2s), step size up r·i, out i·d."""
    return 3 * d_model * mixer.d_inner + mixer.d_inner * (2 * mixer.dt_rank + 2 * mixer.d_state)


@mixer_vector_params.register
def _(mixer: Mamba, d_model: int) -> int:
    inner = mixer.d_inner
    conv = inner * (mixer.d_conv + mixer.conv_bias)
    norms = mixer.inner_norms * (mixer.dt_rank + 2 * mixer.d_state)
    return conv + inner * (mixer.d_state + 2) + mixer.proj_bias * (2 * inner + d_model) + norms


@mixer_matrix_params.register
def _(mixer: GatedDeltaNet, d_model: int) -> int:
    """Queries, keys, values and gate d·(2·K + 2·V), step and decay d·2·h_v, out V·d."""
    values = mixer.num_value_heads * mixer.value_dim
    return d_model * (mixer.conv_width + 2 * values + 2 * mixer.num_value_heads)


@mixer_vector_params.register
def _(mixer: GatedDeltaNet, d_model: int) -> int:
    return mixer.conv_width * mixer.d_conv + 2 * mixer.num_value_heads + mixer.value_dim


@mixer_matrix_params.register
def _(mixer: LightningAttention, d_model: int) -> int:
    """Q, K, V, gate and O: 5·d·h·d_h."""
    return 5 * d_model * mixer.num_heads * mixer.head_dim


@mixer_vector_params.register
def _(mixer: LightningAttention, d_model: int) -> int:
    return mixer.num_heads * mixer.head_dim


def ffn_params(ffn: FeedForward, d_model: int) -> Parts:
    """The feed-forward of one layer, by part of :class:`ParamCount`: matrices, biases and norms."""
    parts = ffn_matrix_params(ffn, d_model)
    if isinstance(ffn, DenseFFN):
        parts["dense_ffn"] += ffn.bias * _ffn_bias(ffn, ffn.d_ff, d_model)
    elif isinstance(ffn, MoE):
        parts["router"] += ffn.router_bias * ffn.num_experts
        bias = ffn.expert_bias * _ffn_bias(ffn, ffn.d_expert, d_model)
        parts["routed_experts"] += ffn.num_experts * bias
        parts["routed_experts_active"] += ffn.top_k * bias
    else:
        parts["router"] += ffn.query_norm * 2 * ffn.num_heads * ffn.d_key
    return parts


@singledispatch
def ffn_matrix_params(ffn: Any, d_model: int) -> Parts:
    """The matrices of one layer's feed-forward, by part."""
    raise TypeError(type(ffn).__name__)


@ffn_matrix_params.register
def _(ffn: DenseFFN, d_model: int) -> Parts:
    """Dense: m·d·f."""
    return {"dense_ffn": ffn_matrices(ffn) * d_model * ffn.d_ff}


@ffn_matrix_params.register
def _(ffn: MoE, d_model: int) -> Parts:
    """Router d·E, shared E_s·m·d·f_s (and its gate d), routed E·m·d·f, active k·m·d·f.

    Latent experts are m·d_l·f, and the two projections 2·d·d_l count as shared: every token passes them.
    """
    expert = expert_params(ffn, d_model)
    shared = ffn.num_shared_experts * ffn_matrices(ffn) * d_model * ffn.d_shared + ffn.shared_gate * d_model
    return {
        "router": d_model * ffn.num_experts,
        "shared_experts": shared + 2 * d_model * ffn.d_latent,
        "routed_experts": ffn.num_experts * expert,
        "routed_experts_active": ffn.top_k * expert,
    }


@ffn_matrix_params.register
def _(ffn: PEER, d_model: int) -> Parts:
    """Queries d·h·d_k and keys h·2n·d_k/2 as router; n² experts of 2d, of which a token takes h·k."""
    return {
        "router": d_model * ffn.num_heads * ffn.d_key + ffn.num_heads * ffn.num_keys * ffn.d_key,
        "routed_experts": 2 * d_model * ffn.num_keys**2,
        "routed_experts_active": 2 * d_model * ffn.num_heads * ffn.top_k,
    }


def expert_params(ffn: MoE, d_model: int) -> int:
    """The matrices of one routed expert: m·d·f, or m·d_l·f where tokens are routed at a latent width."""
    width = ffn.d_latent + (ffn.d_latent == 0) * d_model
    return ffn_matrices(ffn) * width * ffn.d_expert


def ffn_matrices(ffn: DenseFFN | MoE) -> int:
    """Matrices of a feed-forward: up, gate and down, or up and down."""
    return FFN_MATRICES_GATED if ffn.gated else FFN_MATRICES_PLAIN


def _ffn_bias(ffn: DenseFFN | MoE, width: int, d_model: int) -> int:
    return (ffn_matrices(ffn) - 1) * width + d_model
