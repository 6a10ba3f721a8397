"""Matrices one after the other with nothing between them: a projection, or an adapter of low rank."""

from dataclasses import dataclass
from itertools import pairwise

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts
from optimoe.core.errors import require


@dataclass(frozen=True, kw_only=True)
class MatrixChain(FeedForwardPart):
    """Matrices that every token passes, whose product is added to another's output or is the output itself.

    What is a layer's own around a block that several layers share: the projection d → d of its output, and
    adapters of rank r that are added to the block's matrices, in → r → out (Zamba, arXiv 2405.16712; Zamba2,
    arXiv 2411.15242). A chain of n widths holds n − 1 matrices.

    Attributes:
        widths: Of its input, of what is between the matrices, and of its output.

    Raises:
        ConfigError: There are fewer than two widths, or one is not positive.
    """

    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        require(len(self.widths) >= 2, "widths", "two or more", len(self.widths))
        require(min(self.widths) > 0, "widths", "positive", self.widths)

    @property
    def products(self) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of each matrix, in the order in which a token passes them."""
        return tuple((outputs, inputs) for inputs, outputs in pairwise(self.widths))

    def matrix_params(self, d_model: int) -> Parts:
        """The matrices, Σ inputs·outputs: a part of the dense feed-forward."""
        return {"dense_ffn": sum(outputs * inputs for outputs, inputs in self.products)}

    def params(self, d_model: int) -> Parts:
        """The matrices alone: nothing else learns."""
        return self.matrix_params(d_model)
