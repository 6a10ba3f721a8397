"""Tables and matrices beside the layers: rows that are looked up, and products before and behind them."""

from dataclasses import dataclass

from optimoe.core.errors import require_positive


@dataclass(frozen=True, kw_only=True)
class EndTable:
    """A table beside the embedding, of which a token reads rows and multiplies with none.

    Embeddings of segments and prompts, rows that no token of the vocabulary has, biases by distance. They are
    counted with the embedding: they cost memory, and neither FLOPs nor weights that a step streams.

    Attributes:
        rows: How many.
        width: Values of a row.

    Raises:
        ConfigError: A size is not positive.
    """

    rows: int
    width: int

    def __post_init__(self) -> None:
        require_positive(self, "rows", "width")

    @property
    def params(self) -> int:
        """All its values: rows · width."""
        return self.rows * self.width


@dataclass(frozen=True, kw_only=True)
class EndMatrix:
    """A matrix at one end of a model that every token passes: into the layers, or out of them before the logits.

    Counted, computed and priced with the unembedding.

    Attributes:
        inputs, outputs: Its two widths, i and o.
        bias: Whether it adds a bias.

    Raises:
        ConfigError: A size is not positive.
    """

    inputs: int
    outputs: int
    bias: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "inputs", "outputs")

    @property
    def matrix_params(self) -> int:
        """Parameters of the matrix alone: i·o."""
        return self.inputs * self.outputs

    @property
    def params(self) -> int:
        """Weights and, where it adds one, its bias: i·o + o."""
        return self.matrix_params + self.bias * self.outputs
