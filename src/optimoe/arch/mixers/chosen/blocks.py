"""Block-sparse attention: an indexer scores every key, and grouped heads attend to the best blocks of keys."""

from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.mixers.attended import UNLIMITED_WINDOW, MlaForm, Phase, attended
from optimoe.arch.mixers.attention import Attention
from optimoe.arch.mixers.base import MixerFlops, MixerOfMembers, TokenMixer
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class BlockIndexer(TokenMixer):
    """Scores every key with a few heads and keeps the blocks that hold the best ones (MiniMax-M3).

    Attributes:
        num_heads: Index heads, h_i; each selects for its group of heads.
        head_dim: Width of an index head, d_i, and of the one index key that they share.
        block_tokens: Keys of a block.
        top_blocks: Blocks that a group of heads then attends to, the one of the token itself included.

    Raises:
        ConfigError: A count is not positive.
    """

    num_heads: int
    head_dim: int
    block_tokens: int
    top_blocks: int

    def __post_init__(self) -> None:
        require_positive(self, "num_heads", "head_dim", "block_tokens", "top_blocks")

    def matrix_params(self, d_model: int) -> int:
        """Index queries and the index key: d·d_i·(h_i + 1)."""
        return d_model * self.head_dim * (self.num_heads + 1)

    def vector_params(self, d_model: int) -> int:
        """A norm of index queries and one of index keys: 2·d_i."""
        return 2 * self.head_dim

    def score_flops(self, seen: Any) -> Any:
        """FLOPs of one token's index scores: 2·h_i·d_i for each key ``seen``; the best of a block costs none."""
        return 2 * self.num_heads * self.head_dim * seen

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections 2 per weight, and the scores of every key before the token."""
        scores = self.score_flops(attended(length, UNLIMITED_WINDOW, phase))
        return {"indexer": 2 * self.matrix_params(d_model) + scores}

    @property
    def cache_values(self) -> int:
        """The index key of one token and layer: d_i."""
        return self.head_dim

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """Index keys are shared by all index heads: they do not split by heads."""
        return 1


@dataclass(frozen=True, kw_only=True)
class BlockSparseAttention(MixerOfMembers):
    """Grouped heads that attend to the blocks of keys which an indexer selects (MiniMax-M3).

    Attributes:
        attention: The heads; they attend to all tokens of the selected blocks: an upper estimate, as the token's
            own block is full for the last of its tokens only.
        indexer: What selects.
    """

    attention: Attention
    indexer: BlockIndexer

    @property
    def members(self) -> tuple[Any, ...]:
        """The heads with the tokens that are selected for them, then the indexer."""
        selected = self.indexer.block_tokens * self.indexer.top_blocks
        return (replace(self.attention, selected_tokens=selected), self.indexer)

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits; the indexer stands on every GPU."""
        return self.attention.num_heads
