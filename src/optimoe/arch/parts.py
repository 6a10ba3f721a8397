"""The parts that a decoder is put together from: token mixers and feed-forwards.

Every count may be an integer or an array of integers: a part with array fields is one of a grid of designs,
and all formulas of this package then return arrays, by the same code.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from optimoe.arch.feedforwards.chain import MatrixChain
from optimoe.arch.feedforwards.dense import DenseFFN
from optimoe.arch.feedforwards.layer_embedding import LayerEmbedding
from optimoe.arch.feedforwards.moe import MoE
from optimoe.arch.feedforwards.nothing import NoFeedForward
from optimoe.arch.feedforwards.peer import PEER
from optimoe.arch.mixers.attended import UNLIMITED_WINDOW
from optimoe.arch.mixers.attention import Attention, DistanceBias, QkNorm
from optimoe.arch.mixers.chosen.blocks import BlockIndexer, BlockSparseAttention
from optimoe.arch.mixers.chosen.heads import RoutedHeads
from optimoe.arch.mixers.compressed import CompressedAttention
from optimoe.arch.mixers.convolved import CausalConvolution, ConvolvedAttention
from optimoe.arch.mixers.latent import Indexer, LatentAttention
from optimoe.arch.mixers.nothing import NoMixer
from optimoe.arch.mixers.parallel import ParallelMixers
from optimoe.arch.mixers.recurrent.convolution import ShortConvolution
from optimoe.arch.mixers.recurrent.delta_net import GatedDeltaNet
from optimoe.arch.mixers.recurrent.exponential import MatrixMemory, TimeMixing
from optimoe.arch.mixers.recurrent.kimi_delta import KimiDelta
from optimoe.arch.mixers.recurrent.lightning import LightningAttention
from optimoe.arch.mixers.recurrent.mamba import Mamba
from optimoe.arch.mixers.recurrent.mamba2 import Mamba2
from optimoe.arch.mixers.recurrent.rg_lru import GatedRecurrence
from optimoe.arch.residual.altup import AltUp
from optimoe.arch.residual.streams import HyperConnections
from optimoe.core.config import build_kind
from optimoe.core.errors import require_choice

__all__ = [
    "BESIDE",
    "FEED_FORWARDS",
    "MIXERS",
    "PEER",
    "STREAMS",
    "UNLIMITED_WINDOW",
    "AltUp",
    "Attention",
    "BlockIndexer",
    "BlockSparseAttention",
    "CausalConvolution",
    "CompressedAttention",
    "ConvolvedAttention",
    "DenseFFN",
    "DistanceBias",
    "FeedForward",
    "GatedDeltaNet",
    "GatedRecurrence",
    "HyperConnections",
    "Indexer",
    "KimiDelta",
    "LatentAttention",
    "LayerEmbedding",
    "LightningAttention",
    "Mamba",
    "Mamba2",
    "MatrixChain",
    "MatrixMemory",
    "Mixer",
    "MoE",
    "NoFeedForward",
    "NoMixer",
    "ParallelMixers",
    "QkNorm",
    "RoutedHeads",
    "ShortConvolution",
    "Streams",
    "TimeMixing",
    "read_part",
]

Exponential = TimeMixing | MatrixMemory
Recurrent = (
    Exponential
    | Mamba
    | Mamba2
    | GatedDeltaNet
    | KimiDelta
    | LightningAttention
    | GatedRecurrence
    | ShortConvolution
)
Softmax = Attention | LatentAttention | CompressedAttention | BlockSparseAttention | BlockIndexer | RoutedHeads
Convolved = ConvolvedAttention | CausalConvolution
Mixer = Softmax | Convolved | Recurrent | ParallelMixers | NoMixer
FeedForward = DenseFFN | MoE | PEER | NoFeedForward | MatrixChain
Streams = HyperConnections | AltUp
Part = TypeVar("Part")

MIXERS: dict[str, type[Mixer]] = {
    "attention": Attention,
    "latent_attention": LatentAttention,
    "compressed_attention": CompressedAttention,
    "block_sparse_attention": BlockSparseAttention,
    "routed_heads": RoutedHeads,
    "convolved_attention": ConvolvedAttention,
    "mamba": Mamba,
    "mamba2": Mamba2,
    "gated_delta_net": GatedDeltaNet,
    "kimi_delta": KimiDelta,
    "lightning": LightningAttention,
    "gated_recurrence": GatedRecurrence,
    "short_convolution": ShortConvolution,
    "time_mixing": TimeMixing,
    "matrix_memory": MatrixMemory,
    "parallel": ParallelMixers,
    "none": NoMixer,
}
"""Mixers by the ``kind`` of a table."""

FEED_FORWARDS: dict[str, type[FeedForward]] = {
    "dense": DenseFFN,
    "moe": MoE,
    "peer": PEER,
    "none": NoFeedForward,
}
"""Feed-forwards likewise."""

BESIDE: dict[str, type[DenseFFN | MatrixChain]] = {
    "dense": DenseFFN,
    "layer_embedding": LayerEmbedding,
    "matrices": MatrixChain,
}
"""What every token passes beside a layer's feed-forward, likewise."""

STREAMS: dict[str, type[Streams]] = {"hyper_connections": HyperConnections, "altup": AltUp}
"""Residuals of several streams, likewise."""


def read_part(kinds: Mapping[str, type[Part]], table: Mapping[str, Any], where: str) -> Part:
    """The part of a table, which names one of some kinds.

    Args:
        kinds: :data:`MIXERS` or :data:`FEED_FORWARDS`.
        table: ``kind`` and the fields of the part.
        where: What the table is, for the error line.

    Raises:
        ConfigError: The kind or a field is missing, has the wrong type or is out of its limits.
        UnknownNameError: No such kind or field.
    """

    def find(kind: str) -> type[Part]:
        require_choice(kind, f"{where}: kind", kinds)
        return kinds[kind]

    return build_kind(find, table, where)
