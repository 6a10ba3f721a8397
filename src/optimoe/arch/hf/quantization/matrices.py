"""The matrices of a layer under the names that checkpoints give them."""

from collections.abc import Iterator
from dataclasses import dataclass

from optimoe.arch.parts import (
    PEER,
    Attention,
    BlockIndexer,
    CompressedAttention,
    ConvolvedAttention,
    DenseFFN,
    GatedDeltaNet,
    GatedRecurrence,
    KimiDelta,
    LatentAttention,
    LayerEmbedding,
    LightningAttention,
    Mamba,
    Mamba2,
    MatrixChain,
    MatrixMemory,
    Mixer,
    MoE,
    RoutedHeads,
    ShortConvolution,
    TimeMixing,
)
from optimoe.arch.spec import LayerGroup

LAYER_PREFIXES = (
    "model.layers",
    "language_model.model.layers",
    "model.language_model.layers",
    "backbone.layers",
    "transformer.h",
    "transformer.blocks",
    "gpt_neox.layers",
    "model.decoder.layers",
    "biogpt.layers",
    "model.llm.layers",
)
"""Where the layers of a language model, alone or inside one of several modalities, are in a checkpoint."""
EMBEDDINGS = (
    "model.embed_tokens",
    "language_model.model.embed_tokens",
    "model.language_model.embed_tokens",
    "backbone.embeddings",
    "transformer.wte",
    "transformer.word_embeddings",
    "gpt_neox.embed_in",
    "model.decoder.embed_tokens",
    "biogpt.embed_tokens",
    "model.llm.embed",
)
HEADS = ("lm_head", "language_model.lm_head", "embed_out", "output_projection", "model.llm.unembed")
MOE_MODULES = ("mlp", "feed_forward", "block_sparse_moe", "mixer")
"""What families call the module of router and experts."""
_FFN = ("mlp", "feed_forward", "mixer", "shared_mlp", "ffn")
_PLAIN_UP, _PLAIN_DOWN = (
    ("c_fc", "fc_in", "fc1", "dense_h_to_4h", "0"),
    ("c_proj", "fc_out", "fc2", "dense_4h_to_h", "2"),
)
"""The two matrices of plain feed-forwards, as older decoders name them."""
_FUSED = (
    "attn.c_attn", "attn.qkv_proj", "attn.Wqkv", "norm_attn_norm.attn.Wqkv", "attention.query_key_value",
    "self_attention.query_key_value", "self_attn.query_key_value",
)  # fmt: skip
"""Queries, keys and values in one, as older decoders name them."""
_OUTPUT = (
    "attn.c_proj", "attn.out_proj", "attn.attention.out_proj", "norm_attn_norm.attn.out_proj", "attention.dense",
    "self_attention.dense", "self_attn.dense", "self_attn.out_proj", "multi_head_attention.dense", "attn.wo_ud",
)  # fmt: skip
"""The output of attention likewise."""
_INKLING = {"q": "wq_du", "k": "wk_dv", "v": "wv_dv"}
_STATE_SPACE = ("mamba", "mixer")
_RECEPTANCE = "feed_forward.receptance"
_ROUTER = (".down_proj", ".router_mlp.fc1", ".router_mlp.fc2", ".router_mlp.out_proj")
"""Inside of a router of several matrices (ZAYA)."""
_Pair = tuple[tuple[str, ...], ...]
_EMBEDDING: _Pair = (("per_layer_input_gate",), ("per_layer_projection",))
_LOW_RANK: tuple[_Pair, ...] = (
    (("laurel.linear_left", "input_layernorm.W_down"), ("laurel.linear_right", "input_layernorm.W_up")),
    (("post_attention_layernorm.W_down",), ("post_attention_layernorm.W_up",)),
)
"""The two matrices of a residual of low rank (Gemma 3n), or of the gates behind a layer's norms (A.X-K2)."""
_ADAPTED = ("linear", "q", "k", "v", "gate_up")
"""What a layer adds to a block that it shares (Zamba): behind its output, and to its matrices."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One matrix of a layer, or one of each of its experts.

    Attributes:
        part: The part of a layer that it belongs to.
        names: What families call it, inside the layer; ``{}`` is the number of the expert.
        rows, columns: Outputs and inputs.
        count: How many there are.
        linear: Whether formats that quantise all linear layers mean it. Routers and gates of one or a few
            outputs they leave as they are: no engine reads them quantised unless a list names them.
    """

    part: str
    names: tuple[str, ...]
    rows: int
    columns: int
    count: int = 1
    linear: bool = True

    @property
    def values(self) -> int:
        """Values of one of them."""
        return self.rows * self.columns


def layer_matrices(group: LayerGroup, d_model: int) -> list[Matrix]:
    """Every matrix of one layer: their values and those of vectors are all that it stores but its norms."""
    if isinstance(group.mixer, ConvolvedAttention):
        matrices = list(_convolved(group.mixer, d_model))
    else:
        matrices = [matrix for member in group.mixer.members for matrix in _mixer(member, d_model)]
    if isinstance(group.ffn, MoE):
        matrices += _routed(group.ffn, d_model)
    elif isinstance(group.ffn, PEER):
        matrices += _retrieved(group.ffn, d_model)
    elif isinstance(group.ffn, DenseFFN):
        matrices += _feed_forward("dense_ffn", _FFN, d_model, group.ffn.d_ff, gated=group.ffn.gated)
        if group.ffn.receptance:
            square = Matrix(part="dense_ffn", names=(_RECEPTANCE,), rows=d_model, columns=d_model)
            matrices.append(square)
    if group.residual is not None:
        names = ("residual_mlp", "mlp")
        matrices += _feed_forward("dense_ffn", names, d_model, group.residual.d_ff, gated=group.residual.gated)
    chains = [part for part in group.beside if isinstance(part, MatrixChain)]
    for number, part in enumerate(part for part in group.beside if isinstance(part, DenseFFN)):
        pair = _EMBEDDING if isinstance(part, LayerEmbedding) else _LOW_RANK[number]
        matrices += _beside(part, pair, d_model)
    return [*matrices, *_chained(chains)]


def _mixer(mixer: Mixer, d: int) -> Iterator[Matrix]:
    if isinstance(mixer, Attention):
        yield from _grouped(mixer, d)
    elif isinstance(mixer, RoutedHeads):
        yield from _routed_heads(mixer, d)
    elif isinstance(mixer, BlockIndexer):
        yield _attention("indexer.q_proj", "index_q_proj", rows=mixer.num_heads * mixer.head_dim, columns=d)
        yield _attention("indexer.k_proj", "index_k_proj", rows=mixer.head_dim, columns=d)
    elif isinstance(mixer, LatentAttention):
        yield from _latent(mixer, d)
    elif isinstance(mixer, CompressedAttention):
        yield from _compressed(mixer, d)
    elif isinstance(mixer, GatedDeltaNet):
        values = mixer.num_value_heads * mixer.value_dim
        inside = ("linear_attn",)
        yield _recurrent(inside, "in_proj_qkv", "in_proj_qkvz", rows=mixer.conv_width, columns=d)
        yield _recurrent(inside, "in_proj_z", "in_proj_qkvz", rows=values, columns=d)
        for name in ("in_proj_b", "in_proj_a"):
            yield _recurrent(inside, name, "in_proj_ba", rows=mixer.num_value_heads, columns=d)
        yield _recurrent(inside, "out_proj", rows=d, columns=values)
    elif isinstance(mixer, LightningAttention):
        width = mixer.num_heads * mixer.head_dim
        yield _attention("qkv_proj", rows=3 * width, columns=d)
        yield _attention("output_gate", rows=width, columns=d)
        yield _attention("out_proj", rows=d, columns=width)
    else:
        yield from _state_space(mixer, d)


def _grouped(mixer: Attention, d: int, delayed: bool = False) -> Iterator[Matrix]:
    """Queries, keys, values and output of grouped heads, and what else they project; ZAYA's in a module inside."""
    queries, outputs = mixer.num_heads * mixer.head_dim, mixer.num_heads * mixer.value_dim
    apart = mixer.gate_by_head or not mixer.gate_bias  # of Qwen it is part of the queries' projection
    inputs = mixer.inputs(d)
    yield _projected("q", queries + (not apart) * mixer.gate_values, inputs)
    if apart and mixer.gate_values:
        gates = ("gate_proj", "g_proj", "o_proj.gate_proj")
        yield _attention(*gates, rows=mixer.gate_values, columns=inputs, others=("attn.gate_attn",))
    yield _projected("k", mixer.key_heads * mixer.head_dim, inputs)
    values = mixer.value_heads * mixer.value_dim
    for name in ("v_proj_current", "v_proj_delayed") if delayed else ():
        yield _attention(f"qkv_proj.{name}", rows=values // 2, columns=d)
    if not delayed:
        yield _projected("v", values, inputs)
    if mixer.dynamic_mask:
        columns = mixer.num_kv_heads * mixer.value_dim
        yield _attention("dt_proj", rows=mixer.num_kv_heads, columns=columns, linear=False)
    if mixer.distances is not None:
        names = ("r_proj", "relative_position_bias.linear")
        yield _attention(*names, rows=mixer.distance_values, columns=inputs, others=("attn.wr_du",))
    if mixer.token_sinks:
        others = ("attn.attn_sink_proj",)
        yield _attention("sink_proj", rows=mixer.num_heads, columns=inputs, linear=False, others=others)
    yield _attention("o_proj", "o_proj.linear", rows=d, columns=outputs, others=_OUTPUT)


def _projected(letter: str, rows: int, d: int) -> Matrix:
    """Queries, keys or values: alone, or with the others in one."""
    name = f"{letter}_proj"
    others = (
        f"attn.{name}",
        f"attn.attention.{name}",
        f"multi_head_attention.W{letter}",
        f"attn.{_INKLING[letter]}",
    )
    names = (name, "qkv_proj", f"qkv_proj.{name}", f"{name}.linear")
    return _attention(*names, rows=rows, columns=d, others=(*others, *_FUSED))


def _convolved(mixer: ConvolvedAttention, d: int) -> Iterator[Matrix]:
    """Those of the heads, and what computes the kernels of the convolutions of keys and values."""
    yield from _grouped(mixer.attention, d, delayed=mixer.delayed_values > 0)
    for letter, convolution in zip("kv", mixer.convolutions, strict=False):
        if convolution.dynamic_heads:
            rows = convolution.dynamic_heads * convolution.d_conv
            name, others = f"{letter}_proj.sconv.weight_proj", (f"attn.{letter}_sconv.weight_proj",)
            yield _attention(name, rows=rows, columns=d, linear=False, others=others)


def _state_space(mixer: Mixer, d: int) -> Iterator[Matrix]:
    """State spaces, gated recurrences and convolutions."""
    if isinstance(mixer, Mamba):
        inner, rank = mixer.d_inner, mixer.dt_rank
        yield _recurrent(_STATE_SPACE, "in_proj", rows=2 * inner, columns=d)
        yield _recurrent(_STATE_SPACE, "x_proj", rows=rank + 2 * mixer.d_state, columns=inner)
        yield _recurrent(_STATE_SPACE, "dt_proj", rows=inner, columns=rank)
        yield _recurrent(_STATE_SPACE, "out_proj", rows=d, columns=inner)
    elif isinstance(mixer, Mamba2):
        yield _recurrent(_STATE_SPACE, "in_proj", rows=mixer.in_width, columns=d)
        yield _recurrent(_STATE_SPACE, "out_proj", rows=d, columns=mixer.d_inner)
    elif isinstance(mixer, ShortConvolution):
        yield _recurrent(("conv",), "in_proj", rows=3 * mixer.width, columns=d)
        yield _recurrent(("conv",), "out_proj", rows=d, columns=mixer.width)
    elif isinstance(mixer, GatedRecurrence):
        inside, block = ("temporal_block",), mixer.width // mixer.num_heads
        for name in ("linear_x", "linear_y"):
            yield _recurrent(inside, name, rows=mixer.width, columns=d)
        for name in ("rg_lru.input_gate_weight", "rg_lru.recurrent_gate_weight"):
            yield _recurrent(inside, name, rows=block, columns=block, count=mixer.num_heads, linear=False)
        yield _recurrent(inside, "linear_out", rows=d, columns=mixer.width)
    elif isinstance(mixer, TimeMixing):
        for name in ("key", "value", "receptance"):
            yield _recurrent(("attention",), name, rows=mixer.width, columns=d)
        yield _recurrent(("attention",), "output", rows=d, columns=mixer.width)
    elif isinstance(mixer, MatrixMemory):
        inside, heads = ("mlstm_layer",), mixer.num_heads
        for name, rows in (("q", mixer.qk_width), ("k", mixer.qk_width), ("v", mixer.v_width)):
            yield _recurrent(inside, name, "qkv_opreact", rows=rows, columns=d)
        yield _recurrent(inside, "ogate_preact", "qkv_opreact", rows=mixer.v_width, columns=d)
        for name in ("igate_preact", "fgate_preact"):
            yield _recurrent(inside, name, "ifgate_preact", rows=heads, columns=d, linear=False)
        yield _recurrent(inside, "out_proj", rows=d, columns=mixer.v_width)
    elif isinstance(mixer, KimiDelta):
        yield from _kimi_delta(mixer, d)


def _kimi_delta(mixer: KimiDelta, d: int) -> Iterator[Matrix]:
    """Queries, keys, values and output, step sizes; decay and gate, each through its rank or straight."""
    for name in ("q_proj", "k_proj", "v_proj"):
        yield _attention(name, rows=mixer.width, columns=d)
    yield _attention("b_proj", rows=mixer.num_heads, columns=d)
    for name, rank in (("f", mixer.decay_rank), ("g", mixer.gate_rank)):
        if rank:
            yield _attention(f"{name}_a_proj", rows=rank, columns=d)
        yield _attention(f"{name}_b_proj" if rank else f"{name}_proj", rows=mixer.width, columns=rank or d)
    yield _attention("o_proj", rows=d, columns=mixer.width)


def _routed_heads(mixer: RoutedHeads, d: int) -> Iterator[Matrix]:
    """Keys and values, the router, queries and outputs of each expert, as JetMoE names them."""
    inside, width = "self_attention.experts", mixer.width
    yield Matrix(part="attention", names=("self_attention.kv_proj",), rows=2 * width, columns=d)
    router = (f"{inside}.router.layer",)
    yield Matrix(part="router", names=router, rows=mixer.num_experts, columns=d, linear=False)
    for name, rows, columns in (("input_linear", width, d), ("output_linear", d, width)):
        names = (f"{inside}.{name}",)
        yield Matrix(part="routed_experts", names=names, rows=rows, columns=columns, count=mixer.num_experts)


def _latent(mixer: LatentAttention, d: int) -> Iterator[Matrix]:
    """Queries, compressed or not, latent, expansion, output, and the indexer's, as DeepSeek names them."""
    queries = mixer.num_heads * (mixer.qk_nope_dim + mixer.qk_rope_dim)
    gate = mixer.num_heads * mixer.gate_dim
    if mixer.q_lora_rank:
        yield _attention("q_a_proj", "fused_qkv_a_proj", rows=mixer.q_lora_rank, columns=d)
    if mixer.gate_of_queries:
        yield _attention("q_gate_proj", "q_b_proj", rows=queries + gate, columns=2 * mixer.q_lora_rank)
    elif mixer.output_gate:
        yield _attention("gate_proj", "g_proj", rows=gate, columns=d, linear=not mixer.gate_by_head)
    if mixer.q_lora_rank and not mixer.gate_of_queries:
        yield _attention("q_b_proj", rows=queries, columns=mixer.q_lora_rank)
    if not mixer.q_lora_rank:
        yield _attention("q_proj", rows=queries, columns=d)
    yield _attention("kv_a_proj_with_mqa", "fused_qkv_a_proj", rows=mixer.latent_values, columns=d)
    expanded = mixer.num_heads * (mixer.qk_nope_dim + mixer.v_dim)
    yield _attention("kv_b_proj", rows=expanded, columns=mixer.kv_lora_rank)
    yield _attention("o_proj", rows=d, columns=mixer.num_heads * mixer.v_dim)
    if (indexer := mixer.indexer) is not None:
        wide = indexer.num_heads * indexer.head_dim
        yield _attention("indexer.wq_b", rows=wide, columns=d if indexer.of_input else mixer.q_lora_rank)
        yield _attention("indexer.wk", rows=indexer.head_dim, columns=d)
        names = ("indexer.weights_proj", "indexers_proj")
        yield _attention(*names, rows=indexer.num_heads, columns=d, linear=False)


def _compressed(mixer: CompressedAttention, d: int) -> Iterator[Matrix]:
    """Queries, key and grouped output as in DeepSeek-V4; what makes and weighs entries is left as it is."""
    heads, rank, inner = mixer.num_heads * mixer.head_dim, mixer.q_lora_rank, mixer.output_rank
    yield _attention("q_a_proj", "wq_a", rows=rank, columns=d)
    yield _attention("q_b_proj", "wq_b", rows=heads, columns=rank)
    yield _attention("kv_proj", "wkv", rows=mixer.head_dim, columns=d)
    groups = mixer.output_groups
    yield _attention("o_a_proj", "wo_a", rows=groups * inner, columns=heads // groups)
    yield _attention("o_b_proj", "wo_b", rows=d, columns=groups * inner)
    pooled = mixer.series * mixer.head_dim
    if mixer.ratio:
        for name in ("compressor.kv_proj", "compressor.gate_proj"):
            yield _attention(name, rows=pooled, columns=d, linear=False)
    if (indexer := mixer.indexer) is not None:
        inside, width = "compressor.indexer", indexer.head_dim
        yield _attention(f"{inside}.q_b_proj", "indexer.wq_b", rows=indexer.num_heads * width, columns=rank)
        for name in ("kv_proj", "gate_proj"):
            yield _attention(f"{inside}.{name}", rows=mixer.series * width, columns=d, linear=False)
        yield _attention(f"{inside}.scorer.weights_proj", rows=indexer.num_heads, columns=d, linear=False)


def _routed(ffn: MoE, d: int) -> Iterator[Matrix]:
    routers = tuple(f"{inside}.{name}" for inside in MOE_MODULES for name in ("gate", "router"))
    for own, (rows, columns) in zip(_ROUTER, ffn.router_products(d), strict=False):
        names = tuple(f"{router}{own}" for router in routers) if ffn.d_router else routers
        yield Matrix(part="router", names=names, rows=rows, columns=columns, linear=False)
    inside = tuple(f"{inside}.experts.{{}}" for inside in MOE_MODULES)
    width, count = ffn.routed_width(d), ffn.num_experts
    yield from _feed_forward("routed_experts", inside, width, ffn.d_expert, gated=ffn.gated, count=count)
    if ffn.num_shared_experts:
        names = ("shared_experts", "shared_expert")
        inside = (*(f"{inside}.{name}" for inside in MOE_MODULES for name in names), "shared_mlp")
        yield from _feed_forward(
            "shared_experts", inside, d, ffn.num_shared_experts * ffn.d_shared, gated=ffn.gated
        )
    if ffn.shared_gate:
        yield Matrix(part="shared_experts", names=("mlp.shared_expert_gate",), rows=1, columns=d, linear=False)
    if ffn.d_latent:
        yield Matrix(part="shared_experts", names=("mlp.fc1_latent_proj",), rows=ffn.d_latent, columns=d)
        yield Matrix(part="shared_experts", names=("mlp.fc2_latent_proj",), rows=d, columns=ffn.d_latent)


def _retrieved(ffn: PEER, d: int) -> Iterator[Matrix]:
    """Sub-keys that a token scores itself and experts of one neuron, as Doge names them."""
    if not ffn.d_key:
        rows, experts = 2 * ffn.num_heads * ffn.num_keys, ffn.num_keys**2 + ffn.num_unreached
        yield Matrix(part="router", names=("mlp.router_gate",), rows=rows, columns=d, linear=False)
        for name in ("mlp.down_embed", "mlp.up_embed"):
            yield Matrix(part="routed_experts", names=(name,), rows=experts, columns=d, linear=False)


def _feed_forward(
    part: str, inside: tuple[str, ...], d: int, width: int, *, gated: bool, count: int = 1
) -> Iterator[Matrix]:
    """Up, gate and down, or up and down, of one feed-forward or of each expert."""
    older = not gated and part == "dense_ffn"
    wide = (("gate_proj", "w1"), ("up_proj", "w3")) if gated else (("up_proj", "w1", *_PLAIN_UP * older),)
    for own in wide:
        names = tuple(f"{outer}.{name}" for outer in inside for name in (*own, "gate_up_proj"))
        yield Matrix(part=part, names=(*names, *("fc1",) * older), rows=width, columns=d, count=count)
    down = ("down_proj", "w2", *_PLAIN_DOWN * older)
    names = tuple(f"{outer}.{name}" for outer in inside for name in down)
    yield Matrix(part=part, names=(*names, *("fc2",) * older), rows=d, columns=width, count=count)


def _beside(part: DenseFFN, names: _Pair, d: int) -> Iterator[Matrix]:
    """Into and out of a layer's own embedding (the third matrix is one of all layers), or of a low rank."""
    for own, rows, columns in zip(names, (part.d_ff, d), (d, part.d_ff), strict=True):
        yield Matrix(part="dense_ffn", names=own, rows=rows, columns=columns)


def _chained(chains: list[MatrixChain]) -> Iterator[Matrix]:
    """A layer's own around a shared block: behind it, and adapters, of the feed-forward alone or of all."""
    names = _ADAPTED[:1] + _ADAPTED[len(_ADAPTED) + 1 - len(chains) :]
    for name, chain in zip(names, chains, strict=False):
        for number, (rows, columns) in enumerate(chain.products):
            own = (f"adapters.{name}", f"adapters.{name}.{number}")[len(chain.products) > 1]
            yield Matrix(part="dense_ffn", names=(own,), rows=rows, columns=columns)


def _attention(*names: str, rows: int, columns: int, linear: bool = True, others: tuple[str, ...] = ()) -> Matrix:
    """A matrix inside of attention; ``others`` are its names in families that call attention something else."""
    inside = tuple(f"{inside}.{name}" for inside in ("self_attn", "mixer") for name in names)
    return Matrix(part="attention", names=(*inside, *others), rows=rows, columns=columns, linear=linear)


def _recurrent(
    inside: tuple[str, ...], *names: str, rows: int, columns: int, count: int = 1, linear: bool = True
) -> Matrix:
    full = tuple(f"{outer}.{name}" for outer in inside for name in names)
    return Matrix(part="attention", names=full, rows=rows, columns=columns, count=count, linear=linear)
