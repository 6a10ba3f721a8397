"""The parts that a decoder is put together from: token mixers and feed-forwards.

Every count may be an integer or an array of integers: a part with array fields is one of a grid of designs,
and all formulas of this package then return arrays, by the same code.
"""

from dataclasses import dataclass
from typing import Literal

from optimoe.core.errors import require, require_positive

UNLIMITED_WINDOW = 2**62
"""Attention over the whole context: a window that no context reaches, in tokens."""

QkNorm = Literal["none", "head", "full"]


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Softmax attention: MHA (``num_kv_heads = num_heads``), GQA, or MQA (``num_kv_heads = 1``).

    Attributes:
        num_heads: Query heads, h.
        num_kv_heads: Key and value heads, h_kv; divides ``num_heads``.
        head_dim: Width of a head, d_h.
        qkv_bias: Whether the query, key and value projections add a bias.
        output_bias: Whether the output projection adds a bias.
        qk_norm: Norms of queries and keys: none, one weight per head channel, or over all heads.
        sinks: Whether each head learns a sink logit (gpt-oss).
        output_gate: Whether a gate of the queries' width multiplies the output (Qwen3-Next).
        window_tokens: A token sees at most so many tokens, itself included.
        chunked: The window is a block that all its tokens start afresh in (Llama 4), not a sliding one.

    Raises:
        ConfigError: A count is not positive, or the key-value heads do not divide the heads.
    """

    num_heads: int
    num_kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: QkNorm = "none"
    sinks: bool = False
    output_gate: bool = False
    window_tokens: int = UNLIMITED_WINDOW
    chunked: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "num_kv_heads", "head_dim", "window_tokens")
        require(
            self.num_heads % self.num_kv_heads == 0,
            "num_kv_heads",
            lambda: f"a divisor of num_heads = {self.num_heads}",
            self.num_kv_heads,
        )

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""
        return self.num_kv_heads


@dataclass(frozen=True, kw_only=True)
class Indexer:
    """The lightning indexer of sparse attention: scores every token, keeps ``top_k`` (DeepSeek V3.2).

    Raises:
        ConfigError: A count is not positive.
    """

    num_heads: int
    head_dim: int
    top_k: int

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim", "top_k")


@dataclass(frozen=True, kw_only=True)
class LatentAttention:
    """Multi-head latent attention (DeepSeek V2, arXiv 2405.04434, Sec. 2.1).

    Attributes:
        num_heads: Heads, h.
        q_lora_rank: Width of the compressed queries; 0 projects them directly.
        kv_lora_rank: Width of the cached latent, d_c.
        qk_nope_dim, qk_rope_dim: Per-head query and key width without and with RoPE; the RoPE key is shared.
        v_dim: Per-head value width.
        bias: Whether the compressing projections and the output add a bias.
        indexer: Sparse selection of the attended tokens; none attends to all.

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

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "kv_lora_rank", "qk_nope_dim", "qk_rope_dim", "v_dim")
        require(self.q_lora_rank >= 0, "q_lora_rank", "zero or more", self.q_lora_rank)
        if self.indexer is not None:
            require(self.q_lora_rank > 0, "q_lora_rank", "positive beside an indexer", self.q_lora_rank)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""
        return 1


@dataclass(frozen=True, kw_only=True)
class Mamba:
    """A selective state-space layer (Mamba, arXiv 2312.00752), with Jamba's inner norms where set.

    Attributes:
        d_inner: Expanded width.
        d_state: State per channel.
        d_conv: Kernel of the causal convolution.
        dt_rank: Rank of the step-size projection.
        conv_bias, proj_bias: Biases of the convolution and of the in and out projections.
        inner_norms: RMS norms on the step size, B and C (Jamba, arXiv 2403.19887).

    Raises:
        ConfigError: A count is not positive.
    """

    d_inner: int
    d_state: int
    d_conv: int
    dt_rank: int
    conv_bias: bool = True
    proj_bias: bool = False
    inner_norms: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_inner", "d_state", "d_conv", "dt_rank")

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.d_inner

    @property
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""
        return self.d_inner


@dataclass(frozen=True, kw_only=True)
class GatedDeltaNet:
    """Linear attention by the gated delta rule (arXiv 2412.06464), as in Qwen3-Next.

    Attributes:
        num_key_heads, num_value_heads: Heads; the value heads are a multiple of the key heads.
        key_dim, value_dim: Per-head widths.
        d_conv: Kernel of the causal convolution over queries, keys and values.

    Raises:
        ConfigError: A count is not positive, or the key heads do not divide the value heads.
    """

    num_key_heads: int
    num_value_heads: int
    key_dim: int
    value_dim: int
    d_conv: int

    def __post_init__(self) -> None:
        require_positive(self, "num_key_heads", "num_value_heads", "key_dim", "value_dim", "d_conv")
        require(
            self.num_value_heads % self.num_key_heads == 0,
            "num_key_heads",
            f"a divisor of num_value_heads = {self.num_value_heads}",
            self.num_key_heads,
        )

    @property
    def conv_width(self) -> int:
        """Channels of the convolution: queries, keys and values."""
        return 2 * self.num_key_heads * self.key_dim + self.num_value_heads * self.value_dim

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_value_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""
        return self.num_value_heads


@dataclass(frozen=True, kw_only=True)
class LightningAttention:
    """Linear attention with a fixed decay per head, normed and gated (MiniMax-01, arXiv 2501.08313).

    Raises:
        ConfigError: A count is not positive.
    """

    num_heads: int
    head_dim: int

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim")

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which its cache or state splits over GPUs."""
        return self.num_heads


Mixer = Attention | LatentAttention | Mamba | GatedDeltaNet | LightningAttention
RECURRENT = (Mamba, GatedDeltaNet, LightningAttention)


@dataclass(frozen=True, kw_only=True)
class DenseFFN:
    """One feed-forward network that every token passes.

    Attributes:
        d_ff: Hidden width.
        gated: SwiGLU-like with three matrices, or plain with two.
        bias: Whether each matrix adds a bias.

    Raises:
        ConfigError: The width is not positive.
    """

    d_ff: int
    gated: bool = True
    bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "d_ff")


@dataclass(frozen=True, kw_only=True)
class MoE:
    """Routed experts, of which a token takes ``top_k``, and shared experts that every token takes.

    Attributes:
        num_experts: Routed experts, E.
        top_k: Routed experts per token, k.
        d_expert: Hidden width of a routed expert.
        num_shared_experts: Always-on experts, E_s.
        d_shared: Hidden width of a shared expert.
        shared_gate: Whether a learned scalar gates the shared experts (Qwen2-MoE).
        gated: Three matrices per expert (SwiGLU-like), or two.
        router_bias: Whether the router adds a bias.
        expert_bias: Whether each expert matrix adds a bias (gpt-oss).
        d_latent: Width to which tokens are projected down before the routed experts and back after; 0 routes
            them at d_model.

    Raises:
        ConfigError: A count is not positive, or E < k.
    """

    num_experts: int
    top_k: int
    d_expert: int
    num_shared_experts: int = 0
    d_shared: int = 0
    shared_gate: bool = False
    gated: bool = True
    router_bias: bool = False
    expert_bias: bool = False
    d_latent: int = 0

    def __post_init__(self) -> None:
        require_positive(self, "num_experts", "top_k", "d_expert")
        require(
            self.top_k <= self.num_experts,
            "top_k",
            lambda: f"at most num_experts = {self.num_experts}",
            self.top_k,
        )
        require(self.num_shared_experts >= 0, "num_shared_experts", "zero or more", self.num_shared_experts)
        require(self.d_latent >= 0, "d_latent", "zero or more", self.d_latent)
        require(
            (self.num_shared_experts == 0) == (self.d_shared == 0),
            "d_shared",
            "positive exactly when there are shared experts",
            self.d_shared,
        )


@dataclass(frozen=True, kw_only=True)
class PEER:
    """A pool of single-neuron experts behind product keys (He 2024, arXiv 2407.04153).

    Attributes:
        num_keys: Sub-keys per half, n; the pool has n² experts.
        num_heads: Retrieval heads, each with its own queries and keys.
        top_k: Experts that a head retrieves.
        d_key: Width of a query; each half has half of it.
        query_norm: Whether queries pass a norm (weight and bias per channel).

    Raises:
        ConfigError: A count is not positive, ``top_k`` exceeds n, or ``d_key`` is odd.
    """

    num_keys: int
    num_heads: int
    top_k: int
    d_key: int
    query_norm: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "num_keys", "num_heads", "top_k", "d_key")
        require(self.top_k <= self.num_keys, "top_k", f"at most num_keys = {self.num_keys}", self.top_k)
        require(self.d_key % 2 == 0, "d_key", "even", self.d_key)


FeedForward = DenseFFN | MoE | PEER
