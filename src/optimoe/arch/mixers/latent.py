"""Multi-head latent attention (MLA) of DeepSeek V2 and V3, with the indexer of V3.2's sparse attention."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import UNLIMITED_WINDOW, MlaForm, Phase, attended, minimum
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class Indexer:
    """The lightning indexer of sparse attention: scores every token, keeps ``top_k`` (DeepSeek V3.2).

    Attributes:
        num_heads: Index heads, h_i.
        head_dim: Width of an index head, d_i.
        top_k: Tokens that attention then sees.
        of_input: Whether index queries come of the layer's input behind a norm (weight and bias) instead of the
            compressed queries, with a learned scale and bias per index head (Mistral Large 4).

    Raises:
        ConfigError: A count is not positive.
    """

    num_heads: int
    head_dim: int
    top_k: int
    of_input: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim", "top_k")


@dataclass(frozen=True, kw_only=True)
class LatentAttention(TokenMixer):
    """Multi-head latent attention, MLA (DeepSeek V2, arXiv 2405.04434, Sec. 2.1).

    Attributes:
        num_heads: Heads, h.
        q_lora_rank: Width of the compressed queries, q; 0 projects them directly.
        kv_lora_rank: Width of the cached latent, d_c.
        qk_nope_dim, qk_rope_dim: Per-head query and key width without and with RoPE; the RoPE key is shared.
        v_dim: Per-head value width.
        bias: Whether the compressing projections and the output add a bias.
        indexer: Sparse selection of the attended tokens; none attends to all, or to the selection below.
        selected_tokens: Tokens of the selection of a layer below, which this one takes over; unlimited where it
            takes none (GLM-5.2).
        window_tokens: A token sees at most so many tokens, itself included, and no more are cached.
        output_gate: Whether a gate multiplies the output, a value per channel (HY V4), or per head.
        gate_by_head: Whether that gate is one value per head (Ling 3, dots 3).
        gate_of_queries: Whether that gate and the queries come of the compressed queries before and after their
            norm, side by side (A.X-K2).
        sinks: Whether each head learns a sink logit (HY V4).
        rope_norm: Whether the shared RoPE key has a norm (dots 3).
        shared_kv: Whether it attends to the latents that a layer below cached, and makes none (Mistral Large 4).
        query_scales: Whether each head learns a scale and a bias of its queries (Mistral Large 4).

    Raises:
        ConfigError: A count is not positive, or an indexer or a gate of queries stands without compressed queries.
    """

    num_heads: int
    kv_lora_rank: int
    qk_nope_dim: int
    qk_rope_dim: int
    v_dim: int
    q_lora_rank: int = 0
    bias: bool = False
    indexer: Indexer | None = None
    selected_tokens: int = UNLIMITED_WINDOW
    window_tokens: int = UNLIMITED_WINDOW
    output_gate: bool = False
    gate_by_head: bool = False
    gate_of_queries: bool = False
    sinks: bool = False
    rope_norm: bool = False
    shared_kv: bool = False
    query_scales: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "kv_lora_rank", "qk_nope_dim", "v_dim", "selected_tokens")
        require(self.qk_rope_dim >= 0, "qk_rope_dim", "zero or more", self.qk_rope_dim)
        require_positive(self, "window_tokens")
        require(self.q_lora_rank >= 0, "q_lora_rank", "zero or more", self.q_lora_rank)
        if self.indexer is not None and not self.indexer.of_input:
            require(self.q_lora_rank > 0, "q_lora_rank", "positive beside an indexer", self.q_lora_rank)
        if self.gate_of_queries:
            require(self.q_lora_rank > 0, "q_lora_rank", "positive beside a gate of queries", self.q_lora_rank)
            require(self.output_gate, "output_gate", "true beside a gate of queries", self.output_gate)

    @property
    def most_attended(self) -> int:
        """Tokens that a token attends to at most: of its window, its own selection, or one that it takes over."""
        selected = self.selected_tokens if self.indexer is None else self.indexer.top_k
        return minimum(selected, self.window_tokens)

    @property
    def is_plain(self) -> bool:
        """Whether it attends to all that it caches, without gate, sinks, scales or a norm of the RoPE key."""
        more = self.output_gate or self.sinks or self.rope_norm or self.shared_kv or self.query_scales
        return self.most_attended == UNLIMITED_WINDOW and self.qk_rope_dim > 0 and not more

    @property
    def latent_values(self) -> int:
        """Values of the latent and of the RoPE key that a token makes, d_c + d_rope; none of its own if shared."""
        return (1 - self.shared_kv) * (self.kv_lora_rank + self.qk_rope_dim)

    @property
    def gate_dim(self) -> int:
        """Values of a head's gate: one, d_v, or none."""
        return self.output_gate * (1 if self.gate_by_head else self.v_dim)

    def matrix_params(self, d_model: int) -> int:
        """Queries, latent, expansion, output, the heads' gate, and the indexer's.

        d·q + q·h·(d_nope + d_rope), or d·h·(d_nope + d_rope); d·(d_c + d_rope); d_c·h·(d_nope + d_v); h·d_v·d. A
        gate of g values per head d·h·g; of compressed queries, d·q + 2·q·h·(d_nope + d_rope + g) with the queries.
        """
        heads, rank = self.num_heads, self.q_lora_rank
        query, gate = heads * (self.qk_nope_dim + self.qk_rope_dim), heads * self.gate_dim
        if self.gate_of_queries:
            queries = rank * (d_model + 2 * (query + gate))
        else:
            queries = rank * (d_model + query) + (rank == 0) * d_model * query + d_model * gate
        latent = d_model * self.latent_values
        expand = self.kv_lora_rank * heads * (self.qk_nope_dim + self.v_dim)
        return queries + latent + expand + heads * self.v_dim * d_model + self.indexer_matrix_params(d_model)

    def indexer_matrix_params(self, d_model: int) -> int:
        """Index queries from the compressed ones q·h_i·d_i, one key d·d_i, head weights d·h_i; 0 without."""
        if self.indexer is None:
            return 0
        rank = d_model if self.indexer.of_input else self.q_lora_rank
        queries = rank * self.indexer.num_heads * self.indexer.head_dim
        return queries + d_model * (self.indexer.head_dim + self.indexer.num_heads)

    def vector_params(self, d_model: int) -> int:
        """Norms of the compressed queries, of the latent, of the RoPE key and of the index key; biases; sinks."""
        compressed = self.q_lora_rank + self.latent_values
        index_norm = 2 * self.indexer.head_dim if self.indexer else 0
        if self.indexer is not None:
            index_norm = index_norm + self.indexer.of_input * 2 * (d_model + self.indexer.num_heads)
        own = (1 - self.shared_kv) * (self.kv_lora_rank + self.rope_norm * self.qk_rope_dim)
        by_head = (self.sinks + 2 * self.query_scales) * self.num_heads
        return self.q_lora_rank + own + index_norm + self.bias * (compressed + d_model) + by_head

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Expanded: 2·h·(d_nope + d_rope + d_v) per attended token. Absorbed: 2·h·(2·d_c + d_rope).

        The projections cost the same in both: the absorbed form applies the expansion to query and output
        instead of key and value. An indexer scores every token and sums its heads, 2·h_i·(d_i + 1) each, and
        attention sees its ``top_k``.
        """
        indexer = self.indexer
        seen = attended(length, self.most_attended, phase)
        absorbed = 2 * self.kv_lora_rank + self.qk_rope_dim
        expanded = self.qk_nope_dim + self.qk_rope_dim + self.v_dim
        selection: float = 0
        if indexer is not None:
            everything = attended(length, UNLIMITED_WINDOW, phase)
            scores = indexer.num_heads * (indexer.head_dim + 1) * everything
            selection = 2 * (self.indexer_matrix_params(d_model) + scores)
        return {
            "attention_projections": 2 * (self.matrix_params(d_model) - self.indexer_matrix_params(d_model)),
            "attention_scores": 2 * self.num_heads * (absorbed if mla == "absorbed" else expanded) * seen,
            "indexer": selection,
        }

    @property
    def cache_values(self) -> int:
        """KV cache values of MLA, one token and layer: the latent, the shared RoPE key, the index key.

        d_c + d_rope + d_i, whatever the number of heads.
        """
        return self.latent_values + (self.indexer.head_dim if self.indexer else 0)

    def held_values(self, tokens: float) -> Any:
        """KV cache values of a sequence: a window holds no more tokens than its width."""
        return self.cache_values * minimum(tokens, self.window_tokens)

    def read_values(self, tokens: float) -> Any:
        """KV cache values that one decoded token reads: every index key, but the latents of the selection only."""
        keys = self.indexer.head_dim if self.indexer else 0
        return keys * tokens + (self.kv_lora_rank + self.qk_rope_dim) * minimum(tokens, self.most_attended)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """The cache is one latent that all heads share: it does not split by heads."""
        return 1
