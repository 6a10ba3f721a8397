"""The parts that a decoder is put together from: token mixers and feed-forwards.

Every count may be an integer or an array of integers: a part with array fields is one of a grid of designs,
and all formulas of this package then return arrays, by the same code.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from optimoe.arch.feedforwards.dense import DenseFFN
from optimoe.arch.feedforwards.moe import MoE
from optimoe.arch.feedforwards.peer import PEER
from optimoe.arch.mixers.attended import UNLIMITED_WINDOW
from optimoe.arch.mixers.attention import Attention, QkNorm
from optimoe.arch.mixers.delta_net import GatedDeltaNet
from optimoe.arch.mixers.latent import Indexer, LatentAttention
from optimoe.arch.mixers.lightning import LightningAttention
from optimoe.arch.mixers.mamba import Mamba
from optimoe.core.config import build_kind
from optimoe.core.errors import require_choice

__all__ = [
    "FEED_FORWARDS",
    "MIXERS",
    "PEER",
    "UNLIMITED_WINDOW",
    "Attention",
    "DenseFFN",
    "FeedForward",
    "GatedDeltaNet",
    "Indexer",
    "LatentAttention",
    "LightningAttention",
    "Mamba",
    "Mixer",
    "MoE",
    "QkNorm",
    "read_part",
]

Mixer = Attention | LatentAttention | Mamba | GatedDeltaNet | LightningAttention
FeedForward = DenseFFN | MoE | PEER
Part = TypeVar("Part")

MIXERS: dict[str, type[Mixer]] = {
    "attention": Attention,
    "latent_attention": LatentAttention,
    "mamba": Mamba,
    "gated_delta_net": GatedDeltaNet,
    "lightning": LightningAttention,
}
"""Mixers by the ``kind`` of a table."""

FEED_FORWARDS: dict[str, type[FeedForward]] = {"dense": DenseFFN, "moe": MoE, "peer": PEER}
"""Feed-forwards likewise."""


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
