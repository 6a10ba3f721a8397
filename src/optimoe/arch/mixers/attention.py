"""Softmax attention with grouped heads: MHA, GQA, MQA; over everything, a sliding window, or a block."""

from dataclasses import dataclass
from typing import Any, Literal

from optimoe.arch.mixers.attended import UNLIMITED_WINDOW, MlaForm, Phase, attended, minimum
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.core.errors import require, require_positive

QkNorm = Literal["none", "head", "full"]


@dataclass(frozen=True, kw_only=True)
class DistanceBias:
    """A bias of scores by distance, which each token weighs for each head (Inkling).

    A token's ``width`` values for each head weigh as many learned profiles over the last ``extent`` distances;
    tokens that lie farther back get none. Source: ``transformers``, modeling_inkling.py.

    Attributes:
        width: Profiles, d_rel, and values of a token and head.
        extent: Distances, w_rel.

    Raises:
        ConfigError: A size is not positive.
    """

    width: int
    extent: int

    def __post_init__(self) -> None:
        require_positive(self, "width", "extent")

    @property
    def params(self) -> int:
        """What all profiles hold: d_rel·w_rel."""
        return self.width * self.extent


@dataclass(frozen=True, kw_only=True)
class Attention(TokenMixer):
    """Softmax attention: MHA (``num_kv_heads = num_heads``), GQA, or MQA (``num_kv_heads = 1``).

    Attributes:
        num_heads: Query heads, h.
        num_kv_heads: Key and value heads, h_kv; divides ``num_heads``.
        head_dim: Width of a head, d_h.
        qkv_bias: Whether the query, key and value projections add a bias.
        output_bias: Whether the output projection adds a bias.
        qk_norm: Norms of queries and keys: none, one weight per head channel, or over all heads.
        qk_norm_bias: Whether these norms have a bias beside each weight (Phi, Persimmon).
        inner_norm: Whether the heads' outputs pass a norm before their projection (BitNet).
        differential: Whether heads are pairs whose maps are subtracted, each over the values of both (Ye et
            al. 2024, arXiv 2410.05258); four vectors of d_h weigh them.
        sinks: Whether each head learns a sink logit (gpt-oss).
        output_gate: Whether a gate multiplies the output: a value per channel (Qwen3-Next), or per head.
        gate_by_head: Whether that gate is one value per head (Laguna).
        gate_bias: Whether it adds a bias where queries, keys and values do; not in AFMoE and Laguna.
        gate_head_bias: Whether it adds one bias per head (Beam).
        window_tokens: A token sees at most so many tokens, itself included.
        chunked: The window is a block that all its tokens start afresh in (Llama 4), not a sliding one.
        selected_tokens: A token attends to at most so many of the tokens that are cached, which something else
            selects (MiniMax-M3).
        v_dim: Width of a head's values, d_v, where it is not d_h (MiMo-V2); 0 where it is.
        shared_kv: Whether it attends to keys and values that a layer below cached, and makes none (Gemma 3n).
        values_of_keys: Whether values are the projected keys, without a projection of their own (Gemma 4); both
            are cached, as they differ by norm and rotation.
        distances: A bias of scores by distance; none of most.
        dynamic_mask: Whether values say by a weight per key-value head which tokens are attended to, those of
            ``selected_tokens`` that weigh most (Doge); once a token, though its module does so for all each time.
        key_scales: Whether each key-value head learns a scale of its keys (ZAYA).
        query_scales: Whether each head learns a scale per channel of its queries, and of its values that weigh
            distances (Inkling 2).
        token_sinks: Whether each head's sink logit is computed of the token (Inkling 2).
        gate_scales: Whether a learned scale per channel multiplies the output's gate before its sigmoid (Dory).
        with_embedding: Whether queries, keys and values are made of the layer's input and the token's embedding
            side by side, 2·d values behind a norm of that width (Zamba, arXiv 2405.16712).

    Raises:
        ConfigError: A count is not positive, or the key-value heads do not divide the heads.
    """

    num_heads: int
    num_kv_heads: int
    head_dim: int
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: QkNorm = "none"
    qk_norm_bias: bool = False
    inner_norm: bool = False
    differential: bool = False
    sinks: bool = False
    output_gate: bool = False
    gate_by_head: bool = False
    gate_bias: bool = True
    gate_head_bias: bool = False
    window_tokens: int = UNLIMITED_WINDOW
    chunked: bool = False
    selected_tokens: int = UNLIMITED_WINDOW
    v_dim: int = 0
    shared_kv: bool = False
    values_of_keys: bool = False
    distances: DistanceBias | None = None
    dynamic_mask: bool = False
    key_scales: bool = False
    query_scales: bool = False
    token_sinks: bool = False
    gate_scales: bool = False
    with_embedding: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "num_kv_heads", "head_dim", "window_tokens", "selected_tokens")
        require(
            self.num_heads % self.num_kv_heads == 0,
            "num_kv_heads",
            lambda: f"a divisor of num_heads = {self.num_heads}",
            self.num_kv_heads,
        )
        require(self.v_dim >= 0, "v_dim", "zero or more", self.v_dim)
        require(self.values_of_keys * self.v_dim == 0, "values_of_keys", "false with v_dim", self.v_dim)

    @property
    def value_dim(self) -> int:
        """Width of a head's values."""
        return self.v_dim + (self.v_dim == 0) * self.head_dim

    @property
    def gate_values(self) -> int:
        """Values of the output's gate: h·d_v, or h where it is by head; 0 without one."""
        return self.output_gate * self.num_heads * (1 if self.gate_by_head else self.value_dim)

    @property
    def distance_values(self) -> int:
        """Values of a token that weigh distances, h·d_rel; 0 without such a bias."""
        return 0 if self.distances is None else self.num_heads * self.distances.width

    @property
    def beside_values(self) -> int:
        """Values that a token projects beside queries, keys and values: of a gate, of distances, of sinks."""
        return self.gate_values + self.distance_values + self.token_sinks * self.num_heads

    @property
    def is_usual(self) -> bool:
        """Whether it has no bias by distance, dynamic mask, learned scales or sinks, and one input."""
        scales = self.key_scales or self.query_scales or self.gate_scales
        learned = self.dynamic_mask or scales or self.token_sinks
        return self.distances is None and not learned and not self.with_embedding

    @property
    def most_attended(self) -> int:
        """Tokens that a token attends to at most: those of its window, or those that are selected."""
        return minimum(self.window_tokens, self.selected_tokens)

    @property
    def mean_dim(self) -> float:
        """Mean width of a head's keys and values: what a kernel for one width does as much work for.

        A map of differential attention weighs the values of two heads.
        """
        return (self.head_dim + self.weighted_dim) / 2

    @property
    def weighted_dim(self) -> int:
        """Width of the values that a map of a head weighs: d_v, or 2·d_v where it is differential."""
        return (1 + self.differential) * self.value_dim

    def matrix_params(self, d_model: int) -> int:
        """Q and K, d·d_h·(h + h_kv); V and O, d·d_v·(h + h_kv); the output's gate, d·h·d_v or d·h.

        Values that weigh distances d·h·d_rel, sinks of the token d·h, a mask's weights of the values h_kv²·d_v.
        Without what an earlier layer projects in its place (``shared_kv``: K and V; ``values_of_keys``: V). All
        but O twice, where the token's embedding stands beside the input.
        """
        projected = self.head_dim * (self.num_heads + self.key_heads) + self.value_dim * self.value_heads
        outputs = self.value_dim * self.num_heads
        masks = self.dynamic_mask * self.num_kv_heads**2 * self.value_dim
        return self.inputs(d_model) * (projected + self.beside_values) + d_model * outputs + masks

    def inputs(self, d_model: int) -> int:
        """Values that queries, keys and values are made of: d, or 2·d with the token's embedding."""
        return (1 + self.with_embedding) * d_model

    @property
    def key_heads(self) -> int:
        """Heads whose keys this layer projects: h_kv, or none of its own."""
        return (1 - self.shared_kv) * self.num_kv_heads

    @property
    def value_heads(self) -> int:
        """Heads whose values this layer projects."""
        return (1 - self.values_of_keys) * self.key_heads

    def vector_params(self, d_model: int) -> int:
        """Biases of the projections, norms of queries, keys and outputs, a sink per head, weights of two maps."""
        queries, keys = self.num_heads * self.head_dim, self.key_heads * self.head_dim
        heads = 2 - self.shared_kv
        weights = {"none": 0, "head": heads * self.head_dim, "full": queries + keys}[self.qk_norm]
        norms = weights * (1 + self.qk_norm_bias)
        values = self.value_dim * self.value_heads + self.gate_bias * self.gate_values
        qkv = self.qkv_bias * (queries + keys + values)
        norms = norms + self.inner_norm * self.num_heads * self.value_dim
        maps = self.differential * 4 * self.head_dim
        by_head = (self.sinks + self.gate_head_bias) * self.num_heads
        return qkv + self.output_bias * d_model + norms + maps + by_head + self._learned_params

    @property
    def _learned_params(self) -> int:
        """Scales h_kv of keys, h·(d_h + d_rel) of queries, of a gate; a mask's weight and bias h_kv; profiles."""
        keys = self.key_scales + self.dynamic_mask * (1 + self.qkv_bias)
        queries = self.query_scales * (self.num_heads * self.head_dim + self.distance_values)
        profiles = 0 if self.distances is None else self.distances.params
        return keys * self.num_kv_heads + queries + self.gate_scales * self.gate_values + profiles

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections 2 per weight; scores 2·h·d_h and values 2·h·d_v (of two maps twice) per attended token.

        A bias by distance 2·h·d_rel·w_rel, as every head weighs every profile.
        """
        seen = attended(length, self.most_attended, phase, self.chunked)
        profiles = 0 if self.distances is None else self.num_heads * self.distances.params
        return {
            "attention_projections": 2 * (self.matrix_params(d_model) + profiles),
            "attention_scores": 2 * self.num_heads * (self.head_dim + self.weighted_dim) * seen,
        }

    @property
    def cache_values(self) -> int:
        """KV cache values of grouped heads, one token and layer: keys and values, h_kv·(d_h + d_v), if its own."""
        return self.key_heads * (self.head_dim + self.value_dim)

    def held_values(self, tokens: float) -> Any:
        """KV cache values of a sequence: a window holds no more tokens than its width."""
        return self.cache_values * minimum(tokens, self.window_tokens)

    def read_values(self, tokens: float) -> Any:
        """KV cache values that decoding reads, of its window or of what is selected; of a layer below too."""
        return self.num_kv_heads * (self.head_dim + self.value_dim) * minimum(tokens, self.most_attended)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Parts into which the cache splits over GPUs: its key-value heads."""
        return self.num_kv_heads
