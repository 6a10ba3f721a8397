"""How a serving engine deals its cache out: in blocks of tokens, for each kind of layer or shared by several."""

from dataclasses import dataclass

from optimoe.core.errors import require


@dataclass(frozen=True, kw_only=True)
class CachePool:
    """The cache of an attention rank as its engine keeps it.

    Attributes:
        block_tokens: Tokens of one block of cache, in every layer that keeps all of them.
        shared_pages: Layers of different kinds (full, windowed, recurrent) draw pages of one size from one pool,
            and a windowed one sets aside its window and a whole chunk for each request; otherwise each kind has
            what it holds.
        source: Where that stands.

    Raises:
        ConfigError: There is no token in a block.
    """

    block_tokens: int = 1
    shared_pages: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        require(self.block_tokens >= 1, "block_tokens", "at least 1", self.block_tokens)
