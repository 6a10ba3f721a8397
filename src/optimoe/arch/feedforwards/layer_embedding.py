"""A layer's own embedding of the token: a row of a table gates a small feed-forward."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.dense import DenseFFN
from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class LayerEmbedding(DenseFFN):
    """A layer's own embedding of the token (per-layer embeddings of Gemma 3n and Gemma 4).

    Each layer adds ``down(act(gate(x)) · (row + norm(up(e))))``: x the residual stream, e the token's embedding
    below all layers, row that of the token in the layer's own table. The three matrices are those of a gated
    feed-forward of width p = ``d_ff``, and are counted, computed and priced as one. The table, V_p·p, is counted
    with the embedding: a token reads one row of it, so that it costs memory, but neither FLOPs nor weights that a
    step streams. The norm, p wide, is one for all layers, and the modules hold the matrices ``up`` of all layers
    as one. Source: ``transformers``, modeling_gemma3n.py and modeling_gemma4.py.

    Attributes:
        vocab_size: Rows of the table, V_p.

    Raises:
        ConfigError: A size is not positive.
    """

    vocab_size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(self, "vocab_size")

    @property
    def table_params(self) -> int:
        """Values of the table of one layer: V_p·p."""
        return self.vocab_size * self.d_ff
