"""The residual path of a layer where it is more than one stream: hyper-connections.

Symbols: n ``num_streams``, d ``d_model``, w the weights that one part of a layer computes of a token's streams.
"""

from dataclasses import dataclass

from optimoe.core.errors import require

PARTS = 2
"""Parts of a layer that read the streams and write to them: its mixer and its feed-forward."""


@dataclass(frozen=True, kw_only=True)
class HyperConnections:
    """A residual of n streams, with weights of every token that gather a part's input and spread its output.

    Before each part of a layer a matrix turns all streams of a token, n·d values, into w weights: n that sum the
    streams up, n that give each its share of the output, and, where they ``mix``, n² that mix the streams
    (arXiv 2409.19606; DeepSeek-V4 holds them doubly stochastic). Behind the last layer n weights sum them up.

    Attributes:
        num_streams: Streams, n.
        mix: Whether the streams are mixed with each other (DeepSeek-V4), or each keeps its own (HY V4).

    Raises:
        ConfigError: There are fewer than two streams.
    """

    num_streams: int
    mix: bool = True

    def __post_init__(self) -> None:
        require(self.num_streams >= 2, "num_streams", "two or more", self.num_streams)

    @property
    def num_weights(self) -> int:
        """Weights of a token before each part, w = 2·n + n² where they mix, else 2·n."""
        return self.num_streams * (2 + self.mix * self.num_streams)

    def matrix_params(self, d_model: int) -> int:
        """The two matrices of one layer, 2·w·n·d."""
        return PARTS * self.num_weights * self.num_streams * d_model

    def vector_params(self) -> int:
        """Biases and scales: of each part a bias per weight and a scale per kind of weight, 2·(w + 2 + mix)."""
        return PARTS * (self.num_weights + 2 + self.mix)

    def params(self, d_model: int) -> int:
        """All parameters of one layer: matrices and vectors."""
        return self.matrix_params(d_model) + self.vector_params()

    def flops(self, d_model: int) -> float:
        """FLOPs of one token in one layer: 2 per weight of the matrices, and 2·n²·d a part where streams mix."""
        return 2 * (self.matrix_params(d_model) + PARTS * self.mix * self.num_streams**2 * d_model)

    def products(self, d_model: int) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of the products of a token in one layer: one of all its streams before each part."""
        return ((self.num_weights, self.num_streams * d_model),) * PARTS

    def last_matrix_params(self, d_model: int) -> int:
        """The matrix behind the last layer, n·n·d."""
        return self.num_streams**2 * d_model

    def last_params(self, d_model: int) -> int:
        """All parameters behind the last layer: its matrix, a bias per stream and one scale."""
        return self.last_matrix_params(d_model) + self.num_streams + 1

    def moved_values(self, d_model: int) -> int:
        """Values of a token that one layer moves beyond those of a single stream, 2·(3·n − 1)·d.

        Each part reads all streams for their weights and sum and writes the sum, (n + 1)·d, and reads and
        writes n streams where a plain residual reads and writes one, 2·(n − 1)·d.
        """
        return PARTS * (3 * self.num_streams - 1) * d_model
