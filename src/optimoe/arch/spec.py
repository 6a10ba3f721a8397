"""The description of a decoder: layers of mixers and feed-forwards, put together by composition."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from optimoe.arch.ends.parts import EndMatrix, EndTable
from optimoe.arch.parts import (
    Attention,
    DenseFFN,
    FeedForward,
    LatentAttention,
    LayerEmbedding,
    MatrixChain,
    Mixer,
    MoE,
    Streams,
)
from optimoe.arch.precision.parts import CheckpointPrecisions, LayerPrecisions
from optimoe.core.errors import require, require_positive
from optimoe.core.grid import content_key, map_arrays, take

MOST_LAYERS = 100_000
"""A stack is laid out layer by layer: a number beyond this is a mistake, not a model."""

Norm = Literal["rms", "layernorm", "layernorm_no_bias", "layernorm_no_weight"]


@dataclass(frozen=True, kw_only=True)
class LayerGroup:
    """Consecutive layers of one kind.

    Attributes:
        num_layers: How many.
        mixer: What mixes tokens.
        ffn: What works on each token.
        residual: A dense feed-forward beside the routed one, on the same input (Arctic, Gemma 4); none elsewhere.
        beside: Small feed-forwards that every token passes too: the layer's own embedding (Gemma 3n, Gemma 4),
            what is a layer's own around a block that several share (Zamba).
        reused: Whether the weights are those of an equal group of the model, which alone stores them: a block that
            several layers share (Zamba), layers that a token passes again (HRM). All that is stored counts once,
            all that is computed, read and cached counts at every pass.
        num_norms: Norms per layer: one before each part, and after it too where the family does so.
        num_scales: Vectors of d beside the norms: scales and biases of the residual and of what is added to it
            (ZAYA, Doge), queries over outputs of layers below (Inkling 2). They count with the norms.
        streams: The residual's streams and what mixes them; none where it is one stream.
        precisions: Formats of its weights, by part.

    Raises:
        ConfigError: There is no layer in it, or no norm count.
    """

    num_layers: int
    mixer: Mixer
    ffn: FeedForward
    residual: DenseFFN | None = None
    beside: tuple[DenseFFN | MatrixChain, ...] = ()
    reused: bool = False
    num_norms: int = 2
    num_scales: int = 0
    streams: Streams | None = None
    precisions: LayerPrecisions = LayerPrecisions()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        require_positive(self, "num_layers")
        require(self.num_norms >= 0, "num_norms", "zero or more", self.num_norms)
        require(self.num_scales >= 0, "num_scales", "zero or more", self.num_scales)

    @property
    def num_stored(self) -> int:
        """Layers whose weights are stored: all of the group, or none."""
        return 0 if self.reused else self.num_layers

    @property
    def also_dense(self) -> tuple[DenseFFN | MatrixChain, ...]:
        """The dense feed-forwards beside :attr:`ffn`."""
        return self.beside if self.residual is None else (self.residual, *self.beside)

    @property
    def feed_forwards(self) -> tuple[FeedForward, ...]:
        """All that works on each token of a layer alone."""
        return (self.ffn, *self.also_dense)

    @property
    def layer_embeddings(self) -> tuple[LayerEmbedding, ...]:
        """The layer's own embeddings of the token, whose tables are counted with the model's embedding."""
        return tuple(part for part in self.beside if isinstance(part, LayerEmbedding))


@dataclass(frozen=True, kw_only=True)
class ArchSpec:
    """A decoder-only language model.

    Two equal architectures are equal whoever states them and however long they were trained to read. Formats of
    weights are compared: they change bytes and times, and what is remembered by its key must not mix them up;
    :attr:`in_bf16` is without them.

    Attributes:
        name: What to call it.
        vocab_size: Rows of the embedding.
        d_model: Width of the residual stream, d.
        layers: Groups of equal layers, from the input up.
        num_logits: Rows of the unembedding, where they are fewer or more; 0 where they are ``vocab_size``.
        tied_embeddings: Whether the unembedding is the embedding's transpose, stored once.
        unembedding_bias: Whether the logits add a bias, or each is scaled (Dory).
        norm: Kind of every norm: a weight per channel, a weight and a bias, or neither (OLMo).
        num_end_norms: Norms beside the layers: the one before the logits; two with one of the embedding (BLOOM).
        num_end_scales: Vectors of d beside them and the layers: a scale and a bias of the embedding (ZAYA), a
            query over all outputs (Inkling 2).
        num_positions: Rows of a learned position embedding; 0 with RoPE or none.
        d_embedding: Width of a row of the embedding and of the unembedding where it is not d (OPT-350m); 0 where
            it is.
        tables: Tables that a token reads rows of beside the embedding.
        projections: Matrices before the first layer and behind the last one, beside the unembedding.
        num_mtp_layers: Extra layers that predict later tokens; counted apart (:func:`count_mtp_params`).
        precisions: Formats of the two ends and of the cache that its checkpoint asks for.
        max_context: Tokens of the longest sequence that it was made for (``max_position_embeddings``); 0 where
            that is not known.
        speculated: Who guessed this shape, where its makers published none; empty otherwise.
        note: What a reader must know of how it was read, such as what is left out of a model of many modalities.
        traits: What the model computes beyond these parts and beyond the plain case, a sorted word each
            (:mod:`optimoe.arch.hf.traits.readers`); ``models`` builds it where a configuration provides them all.

    Raises:
        ConfigError: A count is not positive, there is no layer, layers differ in the residual's streams, or reuse
            weights that no equal layer stores.
    """

    name: str
    vocab_size: int
    d_model: int
    layers: tuple[LayerGroup, ...]
    num_logits: int = 0
    tied_embeddings: bool = False
    unembedding_bias: bool = False
    norm: Norm = "rms"
    num_end_norms: int = 1
    num_end_scales: int = 0
    num_positions: int = 0
    d_embedding: int = 0
    tables: tuple[EndTable, ...] = ()
    projections: tuple[EndMatrix, ...] = ()
    num_mtp_layers: int = 0
    precisions: CheckpointPrecisions = CheckpointPrecisions()  # noqa: RUF009 (frozen)
    max_context: int = field(default=0, compare=False)
    speculated: str = field(default="", compare=False)
    note: str = field(default="", compare=False)
    traits: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        require_positive(self, "vocab_size", "d_model")
        require(self.num_logits >= 0, "num_logits", "zero or more", self.num_logits)
        require(
            self.num_logits * self.tied_embeddings == 0,
            "num_logits",
            "0 where embeddings are tied",
            self.num_logits,
        )
        require(len(self.layers) > 0, "layers", "one group or more", len(self.layers))
        first = self.layers[0].streams
        same = all(one is first or content_key(one) == content_key(first) for one in self._streams)
        require(same, "streams", "the same in every layer", self._streams)
        if again := {content_key(_once(group)) for group in self.layers if group.reused}:
            stored = {content_key(_once(group)) for group in self.layers if not group.reused}
            require(again <= stored, "reused", "of a group that is equal to one that stores its weights", True)
        require(self.num_end_norms >= 0, "num_end_norms", "zero or more", self.num_end_norms)
        require(self.num_end_scales >= 0, "num_end_scales", "zero or more", self.num_end_scales)
        require(self.num_positions >= 0, "num_positions", "zero or more", self.num_positions)
        require(self.d_embedding >= 0, "d_embedding", "zero or more", self.d_embedding)
        require(self.num_mtp_layers >= 0, "num_mtp_layers", "zero or more", self.num_mtp_layers)
        require(self.max_context >= 0, "max_context", "zero or more", self.max_context)

    @property
    def _streams(self) -> list[Any]:
        return [group.streams for group in self.layers]

    @property
    def in_bf16(self) -> "ArchSpec":
        """Every part in bf16: the shape, equal for all checkpoints of one model."""
        layers = [replace(group, precisions=LayerPrecisions()) for group in self.layers]
        return replace(self, layers=grouped(layers), precisions=CheckpointPrecisions())

    @property
    def title(self) -> str:
        """The name, and who guessed the shape where its makers published none."""
        return f"{self.name} (shape speculated: {self.speculated})" if self.speculated else self.name

    @property
    def num_layers(self) -> int:
        """Layers of all groups, without those of multi-token prediction."""
        return sum(group.num_layers for group in self.layers)

    @property
    def embedding_width(self) -> int:
        """Values of a row of the embedding and of the unembedding: d, unless it is stated apart."""
        return self.d_embedding + (self.d_embedding == 0) * self.d_model

    @property
    def logits(self) -> int:
        """Rows of the unembedding."""
        return self.num_logits + (self.num_logits == 0) * self.vocab_size

    @property
    def apart_ends(self) -> tuple[EndTable | EndMatrix, ...]:
        """What stands at the ends beside embedding and unembedding."""
        return (*self.tables, *self.projections)

    @property
    def num_streams(self) -> int:
        """Streams of the residual, n; 1 but with hyper-connections."""
        streams = self.layers[0].streams
        return 1 if streams is None else streams.num_streams

    @property
    def unrolled(self) -> "tuple[LayerGroup, ...]":
        """The group of every layer of one design, in order."""
        return tuple(group for group in self.layers for _ in range(group.num_layers))

    @property
    def moe(self) -> MoE | None:
        """The feed-forward of the first group with routed experts; none in a dense model."""
        return next((group.ffn for group in self.layers if isinstance(group.ffn, MoE)), None)

    @property
    def attention(self) -> Attention | LatentAttention | None:
        """The mixer of the first group with softmax attention."""
        kinds = (Attention, LatentAttention)
        mixers = (member for group in self.layers for member in group.mixer.members)
        return next((mixer for mixer in mixers if isinstance(mixer, kinds)), None)

    def at(self, index: Any) -> "ArchSpec":
        """One design (or a sub-grid) out of a grid: each array field at ``index``."""
        return take(self, index)

    def over(self, axes: int) -> "ArchSpec":
        """This grid with so many axes appended, to broadcast against layouts and batches."""
        return map_arrays(self, lambda values: values[(..., *[None] * axes)]) if axes else self


def _once(group: LayerGroup) -> LayerGroup:
    """A layer of a group, with weights of its own."""
    return replace(group, num_layers=1, reused=False)


def grouped(layers: "list[LayerGroup]") -> tuple[LayerGroup, ...]:
    """Single layers in order, with equal neighbours put together."""
    groups: list[LayerGroup] = []
    for layer in layers:
        if groups and replace(groups[-1], num_layers=layer.num_layers) == layer:
            groups[-1] = replace(layer, num_layers=groups[-1].num_layers + layer.num_layers)
        else:
            groups.append(layer)
    return tuple(groups)


def merged(arch: ArchSpec) -> ArchSpec:
    """The architecture with its equal layers in one group each, in the order in which the last of each stands.

    No count or price depends on the order of layers, but for a draft, which is like the last layer.
    """
    groups: dict[LayerGroup, int] = {}
    for group in arch.layers:
        alone = replace(group, num_layers=1)
        groups[alone] = groups.pop(alone, 0) + group.num_layers
    return replace(arch, layers=tuple(replace(alone, num_layers=number) for alone, number in groups.items()))


def kind(arch: ArchSpec) -> Literal["moe", "dense"]:
    """Whether any layer routes."""
    return "moe" if arch.moe else "dense"
