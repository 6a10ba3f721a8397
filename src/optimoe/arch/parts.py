"""The parts that a decoder is put together from: token mixers and feed-forwards.

Every count may be an integer or an array of integers: a part with array fields is one of a grid of designs,
and all formulas of this package then return arrays, by the same code.
"""

from optimoe.arch.feedforwards.dense import DenseFFN
from optimoe.arch.feedforwards.moe import MoE
from optimoe.arch.feedforwards.peer import PEER
from optimoe.arch.mixers.attended import UNLIMITED_WINDOW
from optimoe.arch.mixers.attention import Attention, QkNorm
from optimoe.arch.mixers.delta_net import GatedDeltaNet
from optimoe.arch.mixers.latent import Indexer, LatentAttention
from optimoe.arch.mixers.lightning import LightningAttention
from optimoe.arch.mixers.mamba import Mamba

__all__ = [
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
]

Mixer = Attention | LatentAttention | Mamba | GatedDeltaNet | LightningAttention
FeedForward = DenseFFN | MoE | PEER
