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

    Raises:
        ConfigError: A count is not positive.
    """

    num_heads: int
    head_dim: int
    top_k: int

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
        head_gate: Whether a gate of one value a head multiplies the heads' outputs (Ling 3).

    Raises:
        ConfigError: A count is not positive, or an indexer stands without compressed queries.
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
    head_gate: bool = False

    def __post_init__(self) -> None:
        require_positive(
            self, "num_heads", "kv_lora_rank", "qk_nope_dim", "qk_rope_dim", "v_dim", "selected_tokens"
        )
        require(self.q_lora_rank >= 0, "q_lora_rank", "zero or more", self.q_lora_rank)
        if self.indexer is not None:
            require(self.q_lora_rank > 0, "q_lora_rank", "positive beside an indexer", self.q_lora_rank)

    @property
    def most_attended(self) -> int:
        """Tokens that a token attends to at most: those of its own selection, or of the one that it takes over."""
        return self.selected_tokens if self.indexer is None else self.indexer.top_k

    def matrix_params(self, d_model: int) -> int:
        """Queries, latent, expansion, output, the heads' gate, and the indexer's.

        d·q + q·h·(d_nope + d_rope), or d·h·(d_nope + d_rope); d·(d_c + d_rope); d_c·h·(d_nope + d_v); h·d_v·d;
        d·h.
        """
        heads, rank = self.num_heads, self.q_lora_rank
        query = heads * (self.qk_nope_dim + self.qk_rope_dim)
        queries = rank * (d_model + query) + (rank == 0) * d_model * query
        latent = d_model * (self.kv_lora_rank + self.qk_rope_dim)
        expand = self.kv_lora_rank * heads * (self.qk_nope_dim + self.v_dim)
        outputs = heads * (self.v_dim + self.head_gate) * d_model
        return queries + latent + expand + outputs + self.indexer_matrix_params(d_model)

    def indexer_matrix_params(self, d_model: int) -> int:
        """Index queries from the compressed ones q·h_i·d_i, one key d·d_i, head weights d·h_i; 0 without."""
        if self.indexer is None:
            return 0
        queries = self.q_lora_rank * self.indexer.num_heads * self.indexer.head_dim
        return queries + d_model * (self.indexer.head_dim + self.indexer.num_heads)

    def vector_params(self, d_model: int) -> int:
        """Norms of the compressed queries and of the latent, biases, and the norm of the index key."""
        compressed = self.q_lora_rank + self.kv_lora_rank + self.qk_rope_dim
        index_norm = 2 * self.indexer.head_dim if self.indexer else 0
        return self.q_lora_rank + self.kv_lora_rank + self.bias * (compressed + d_model) + index_norm

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
        return self.kv_lora_rank + self.qk_rope_dim + (self.indexer.head_dim if self.indexer else 0)

    def read_values(self, tokens: float) -> Any:
        """KV cache values that one decoded token reads: every index key, but the latents of the selection only."""
        keys = self.indexer.head_dim if self.indexer else 0
        return keys * tokens + (self.cache_values - keys) * minimum(tokens, self.most_attended)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """The cache is one latent that all heads share: it does not split by heads."""
        return 1
