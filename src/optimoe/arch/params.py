"""Parameters by part, and every convention that a law or a maker counts by.

Symbols: d ``d_model``, h heads, h_kv key-value heads, d_h ``head_dim``, f hidden width, m matrices per
feed-forward (3 gated, 2 plain), E experts, k per token, E_s shared, V vocabulary, n layers.
"""

from dataclasses import dataclass

from optimoe.arch.spec import (
    FFN_MATRICES_GATED,
    FFN_MATRICES_PLAIN,
    ArchSpec,
    Attention,
    DenseFFN,
    FeedForward,
    MoE,
)


@dataclass(frozen=True, kw_only=True)
class ParamCount:
    """Parameters of the whole model by part; there is no "the parameter count".

    ``routed_experts_active`` is the share of ``routed_experts`` that one token uses (k of E).
    """

    embedding: int
    unembedding: int
    attention: int
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
        """Everything stored but the embedding and the unembedding."""
        return self._common + self.routed_experts

    @property
    def active(self) -> int:
        """What one token touches, both embeddings included: Ludziejewski's N_act."""
        return self.active_nonembedding + self.embedding + self.unembedding

    @property
    def active_nonembedding(self) -> int:
        """What one token touches but the embedding and the unembedding."""
        return self._common + self.routed_experts_active

    @property
    def _common(self) -> int:
        return self.attention + self.norms + self.router + self.dense_ffn + self.shared_experts


def count_params(arch: ArchSpec) -> ParamCount:
    """Count the parameters of a model, exactly: a sum over its layer groups plus embeddings and last norm."""
    d = arch.d_model
    embedding = arch.vocab_size * d
    sums = {"router": 0, "dense_ffn": 0, "shared_experts": 0, "routed_experts": 0, "routed_experts_active": 0}
    attention = 0
    for group in arch.layers:
        attention += group.num_layers * attention_params(group.attention, d)
        for part, params in ffn_params(group.ffn, d).items():
            sums[part] += group.num_layers * params
    return ParamCount(
        embedding=embedding,
        unembedding=0 if arch.tied_embeddings else embedding,
        attention=attention,
        norms=(2 * arch.num_layers + 1) * d,
        **sums,
    )


def attention_params(attention: Attention, d_model: int) -> int:
    """Projections Q, K, V and O: d·d_h·(h + 2·h_kv) + h·d_h·d, and their biases."""
    qkv_width = attention.head_dim * (attention.num_heads + 2 * attention.num_kv_heads)
    matrices = attention_matrix_params(attention, d_model)
    return matrices + attention.qkv_bias * qkv_width + attention.output_bias * d_model


def attention_matrix_params(attention: Attention, d_model: int) -> int:
    """The attention projections without biases: 2·d·d_h·(h + h_kv)."""
    return 2 * d_model * attention.head_dim * (attention.num_heads + attention.num_kv_heads)


def ffn_params(ffn: FeedForward, d_model: int) -> dict[str, int]:
    """The feed-forward of one layer, by part of :class:`ParamCount`: matrices, and biases if it has them."""
    parts = ffn_matrix_params(ffn, d_model)
    if isinstance(ffn, DenseFFN):
        parts["dense_ffn"] += ffn.bias * ((ffn_matrices(ffn) - 1) * ffn.d_ff + d_model)
    return parts


def ffn_matrix_params(ffn: FeedForward, d_model: int) -> dict[str, int]:
    """The matrices of one layer's feed-forward, by part.

    Dense: m·d·f. MoE: router d·E, shared E_s·m·d·f_s, routed E·m·d·f, active k·m·d·f.
    """
    if isinstance(ffn, DenseFFN):
        return {"dense_ffn": ffn_matrices(ffn) * d_model * ffn.d_ff}
    expert = expert_params(ffn, d_model)
    return {
        "router": d_model * ffn.num_experts,
        "shared_experts": ffn.num_shared_experts * ffn_matrices(ffn) * d_model * ffn.d_shared,
        "routed_experts": ffn.num_experts * expert,
        "routed_experts_active": ffn.top_k * expert,
    }


def expert_params(ffn: MoE, d_model: int) -> int:
    """One routed expert: m·d·f."""
    return ffn_matrices(ffn) * d_model * ffn.d_expert


def ffn_matrices(ffn: FeedForward) -> int:
    """Matrices of a feed-forward: up, gate and down, or up and down."""
    return FFN_MATRICES_GATED if ffn.gated else FFN_MATRICES_PLAIN
