"""JSON of ``optimoe arch``: what is counted of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET, UnsetType

from optimoe.arch.checkpoint.compare import StoredModel
from optimoe.arch.count import ArchCount
from optimoe.arch.flops import FlopCount
from optimoe.arch.memory import kv_bytes_by_context
from optimoe.arch.parts import Attention, DenseFFN, LatentAttention, MoE
from optimoe.arch.spec import ArchSpec, kind
from optimoe.core.records import same_fields
from optimoe.report.records.arch.files import StoredModelRecord, stored_record


@dataclass(frozen=True, kw_only=True)
class DesignRecord:
    """The shape of a decoder, flat: its first attention, its dense feed-forward and its routed one.

    Attributes:
        name: The model's name.
        kind: ``moe`` where any layer routes, else ``dense``.
        num_layers: Layers, without those of multi-token prediction.
        d_model: Width of the residual stream.
        vocab_size: Rows of the embedding.
        tied_embeddings: Whether the unembedding is the embedding's transpose, stored once.
        num_heads: Query heads of the first layers with softmax attention.
        num_kv_heads: Key-value heads there; absent with latent attention.
        head_dim: Width of a head there; absent with latent attention.
        kv_lora_rank: Width of the cached latent; only with latent attention.
        num_recurrent_layers: Layers whose mixer keeps a state of fixed size; absent where there are none.
        d_ff: Hidden width of the first dense feed-forward; absent where every layer routes.
        num_experts: Routed experts per layer, E; 1 is dense.
        top_k: Routed experts per token, k.
        num_shared_experts: Experts of a layer that every token uses.
        num_moe_layers: Layers with routed experts; absent in a dense model.
        d_expert: Hidden width of one routed expert; absent in a dense model.
        speculated: Who guessed the shape, where its makers published none; absent otherwise.
        note: What must be known of how it was read, such as what is left out of a model of several modalities;
            absent where there is nothing.
    """

    name: str
    kind: Literal["moe", "dense"]
    num_layers: int
    d_model: int
    vocab_size: int
    tied_embeddings: bool
    num_heads: int | UnsetType = UNSET
    num_kv_heads: int | UnsetType = UNSET
    head_dim: int | UnsetType = UNSET
    kv_lora_rank: int | UnsetType = UNSET
    num_recurrent_layers: int | UnsetType = UNSET
    d_ff: int | UnsetType = UNSET
    num_experts: int
    top_k: int
    num_shared_experts: int
    num_moe_layers: int | UnsetType = UNSET
    d_expert: int | UnsetType = UNSET
    speculated: str | UnsetType = UNSET
    note: str | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class ParamPartsRecord:
    """Parameters of a whole model by part.

    Attributes:
        embedding: The token embedding, and learned positions where there are any.
        unembedding: The output projection; 0 where it is tied to the embedding.
        attention: Projections, biases and inner norms of softmax mixers.
        recurrent: Everything of linear and state-space mixers.
        norms: Norms of the residual stream.
        streams: What mixes the streams of the residual, where it has several.
        router: Routing matrices.
        dense_ffn: Dense feed-forwards.
        shared_experts: Experts that every token uses.
        routed_experts: All routed experts.
        routed_experts_active: The share of the routed experts that one token uses (k of E).
    """

    embedding: int
    unembedding: int
    attention: int
    recurrent: int
    norms: int
    streams: int
    router: int
    dense_ffn: int
    shared_experts: int
    routed_experts: int
    routed_experts_active: int


@dataclass(frozen=True, kw_only=True)
class WeightPartsRecord:
    """Bytes of a whole model's weights by part, scales and zero points included.

    Attributes:
        embedding: The token embedding, and learned positions where there are any.
        unembedding: The output projection; 0 where it is tied to the embedding.
        attention: Projections, biases and inner norms of softmax mixers.
        recurrent: Everything of linear and state-space mixers.
        norms: Norms of the residual stream.
        streams: What mixes the streams of the residual, where it has several.
        router: Routing matrices.
        dense_ffn: Dense feed-forwards.
        shared_experts: Experts that every token uses.
        routed_experts: All routed experts.
    """

    embedding: float
    unembedding: float
    attention: float
    recurrent: float
    norms: float
    streams: float
    router: float
    dense_ffn: float
    shared_experts: float
    routed_experts: float


@dataclass(frozen=True, kw_only=True)
class FlopsRecord:
    """FLOPs of one token through the whole model.

    Attributes:
        prefill: Mean over the tokens of a causal pass over the context.
        decode: The token at the end of the context.
        train: Forward and backward pass over sequences of the context's length.
    """

    prefill: float
    decode: float
    train: float


@dataclass(frozen=True, kw_only=True)
class FlopPartsRecord:
    """FLOPs of one token's forward pass by part.

    Attributes:
        attention_projections: Projections of softmax mixers.
        attention_scores: Scores and weighted values against the context.
        indexer: The selection of sparse attention.
        recurrent: All of linear and state-space mixers.
        streams: What mixes the streams of the residual, where it has several.
        router: Routing matrices.
        dense_ffn: Dense feed-forwards.
        shared_experts: Experts that every token uses.
        routed_experts: The k routed experts of the token.
        unembedding: The logits.
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


@dataclass(frozen=True, kw_only=True)
class PhaseFlopPartsRecord:
    """FLOPs of one token by part, in both phases of serving.

    Attributes:
        prefill: A token of a causal pass over the context.
        decode: The token at the end of the context.
    """

    prefill: FlopPartsRecord
    decode: FlopPartsRecord


@dataclass(frozen=True, kw_only=True)
class CountRecord:
    """A counted model: parameters, FLOPs, cache and traffic.

    Attributes:
        name: The model's name.
        arch: Its shape.
        params_total: Everything stored, both embeddings included.
        params_active: What one token touches, both embeddings included.
        params_nonembedding: Everything stored without the embedding and the unembedding.
        params_active_nonembedding: What one token touches without the embedding and the unembedding.
        parts: Parameters by part.
        context_tokens: Sequence length, and position, at which FLOPs are counted.
        flops_per_token: FLOPs of one token by phase.
        flops_parts: FLOPs of one token by phase and part.
        precision: Format of most of the weights.
        weight_bytes: Bytes of all weights, each part in its own format.
        weight_parts: The same by part, scales included.
        weight_formats: Formats of each part that has weights, that of most of its values first.
        precision_source: Where the formats are from: ``quantization_config``, ``hf_quant_config.json``,
            ``stated``; absent where nothing states them and weights are bf16.
        warning: What must be known of that source; absent otherwise.
        kv_precision: Precision of the cache.
        kv_bytes_per_token: Bytes that one token adds to the cache.
        state_bytes: Bytes of the fixed state of recurrent mixers, per sequence.
        kv_bytes_by_context: Pairs: tokens of a sequence, and bytes of its cache and states, windows holding no
            more than their width; as far as the model was made for, where it says so.
        params_mtp: Parameters of multi-token-prediction layers, which no other count includes.
        all_reduce_bytes_per_token: Payload of one tensor-parallel all-reduce, per token.
        tensor_parallel_collectives: All-reduces that follow each other in one pass.
        expert_attention_flops_ratio: FLOPs in expert layers over FLOPs in attention layers (Li et al. 2026).
        sparsity: (E − k)/E of the routed experts; 0 when dense.
        active_share: (k + shared)/(E + shared), shared experts in both: 1 − S of Li et al. 2026; 1 when dense.
        granularity: ``krajewski`` 4·d_model/d_expert and ``ling`` 2·d_model/d_expert; empty when dense.
        files: What the files of its checkpoint hold; absent where the model is no folder with weights.
    """

    name: str
    arch: DesignRecord
    params_total: int
    params_active: int
    params_nonembedding: int
    params_active_nonembedding: int
    parts: ParamPartsRecord
    context_tokens: float
    flops_per_token: FlopsRecord
    flops_parts: PhaseFlopPartsRecord
    precision: str
    weight_bytes: float
    weight_parts: WeightPartsRecord
    weight_formats: dict[str, tuple[str, ...]]
    precision_source: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET
    kv_precision: str
    kv_bytes_per_token: float
    state_bytes: float
    kv_bytes_by_context: tuple[tuple[int, float], ...]
    params_mtp: int
    all_reduce_bytes_per_token: float
    tensor_parallel_collectives: int
    expert_attention_flops_ratio: float
    sparsity: float
    active_share: float
    granularity: dict[str, float]
    files: StoredModelRecord | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class CountsRecord:
    """Several models, each of them counted.

    Attributes:
        models: In the order in which they were named.
    """

    models: tuple[CountRecord, ...]


def design_record(spec: ArchSpec) -> DesignRecord:
    """The shape of a model: its first attention, dense feed-forward and routed one."""
    mixer, moe = spec.attention, spec.moe
    plain = mixer if isinstance(mixer, Attention) else None
    dense = next((group.ffn for group in spec.layers if isinstance(group.ffn, DenseFFN)), None)
    recurrent = sum(
        group.num_layers for group in spec.layers if any(member.recurrent for member in group.mixer.members)
    )
    return same_fields(
        DesignRecord,
        spec,
        kind=kind(spec),
        num_heads=mixer.num_heads if mixer else UNSET,
        num_kv_heads=plain.num_kv_heads if plain else UNSET,
        head_dim=plain.head_dim if plain else UNSET,
        kv_lora_rank=mixer.kv_lora_rank if isinstance(mixer, LatentAttention) else UNSET,
        num_recurrent_layers=recurrent or UNSET,
        d_ff=dense.d_ff if dense else UNSET,
        num_experts=moe.num_experts if moe else 1,
        top_k=moe.top_k if moe else 1,
        num_shared_experts=moe.num_shared_experts if moe else 0,
        num_moe_layers=sum(group.num_layers for group in spec.layers if isinstance(group.ffn, MoE)) or UNSET,
        d_expert=moe.d_expert if moe else UNSET,
        speculated=spec.speculated or UNSET,
        note=spec.note or UNSET,
    )


def count_record(spec: ArchSpec, counted: ArchCount, stored: StoredModel | None = None) -> CountRecord:
    """A model with what was counted of it, and what the files of its checkpoint hold where it has some."""
    return same_fields(
        CountRecord,
        counted,
        name=spec.name,
        arch=design_record(spec),
        params_total=counted.params.total,
        params_active=counted.params.active,
        params_nonembedding=counted.params.nonembedding,
        params_active_nonembedding=counted.params.active_nonembedding,
        parts=same_fields(ParamPartsRecord, counted.params),
        kv_bytes_by_context=kv_bytes_by_context(spec, counted.kv_precision),
        weight_parts=same_fields(WeightPartsRecord, counted.weight_parts),
        precision_source=counted.precision_source or UNSET,
        warning=counted.warning or UNSET,
        flops_per_token=FlopsRecord(
            prefill=counted.prefill.total,
            decode=counted.decode.total,
            train=counted.train_flops_per_token,
        ),
        flops_parts=PhaseFlopPartsRecord(
            prefill=_flop_parts_record(counted.prefill), decode=_flop_parts_record(counted.decode)
        ),
        files=stored_record(stored) if stored else UNSET,
    )


def counts_record(models: Sequence[CountRecord]) -> CountsRecord:
    """Several models, each of them counted."""
    return CountsRecord(models=tuple(models))


def _flop_parts_record(flops: FlopCount) -> FlopPartsRecord:
    return same_fields(FlopPartsRecord, flops)
