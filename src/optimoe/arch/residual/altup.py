"""The residual path of a layer that works on one of several streams and predicts the others: AltUp."""

from dataclasses import dataclass

from optimoe.core.errors import require


@dataclass(frozen=True, kw_only=True)
class AltUp:
    """Alternating updates of n streams: a layer works on one, and corrects what was predicted of all (Gemma 3n).

    A router of the working stream, d → n behind a norm, gives n modalities of a token, before the layer and behind
    it. They choose the n² weights by which all streams are predicted from all, and the n by which each takes the
    layer's correction; a vector scales what leaves for the layer's own embedding. At the two ends n − 1 matrices
    d·d make the streams of the embedding and return them. Source: arXiv 2301.13310; ``transformers``,
    modeling_gemma3n.py.

    Attributes:
        num_streams: Streams, n.

    Raises:
        ConfigError: There is no stream.
    """

    num_streams: int

    def __post_init__(self) -> None:
        require(self.num_streams >= 1, "num_streams", "one or more", self.num_streams)

    def matrix_params(self, d_model: int) -> int:
        """The router and the weights of predictions and corrections of one layer: d·n + n³ + n²."""
        return self.num_streams * (d_model + self.num_streams**2 + self.num_streams)

    def params(self, d_model: int) -> int:
        """All parameters of one layer: matrices, the router's norm and the scale of what leaves."""
        return self.matrix_params(d_model) + 2 * d_model

    def flops(self, d_model: int) -> float:
        """FLOPs of one token in one layer: 2 per weight, the router's twice, and 2·n²·d of the predictions."""
        return 2 * (self.matrix_params(d_model) + self.num_streams * (1 + self.num_streams) * d_model)

    def products(self, d_model: int) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of the products of a token in one layer: the router's, before and behind it."""
        return ((self.num_streams, d_model),) * 2

    def last_matrix_params(self, d_model: int) -> int:
        """The matrices at both ends, 2·(n − 1)·d²."""
        return 2 * (self.num_streams - 1) * d_model**2

    def last_params(self, d_model: int) -> int:
        """All parameters beside the layers: the matrices."""
        return self.last_matrix_params(d_model)

    def moved_values(self, d_model: int) -> int:
        """Values of a token that one layer moves beyond those of a single stream.

        All n are read and written by the prediction and by the correction, where a plain residual reads and writes
        one: 4·n·d − 2·d.
        """
        return (4 * self.num_streams - 2) * d_model
