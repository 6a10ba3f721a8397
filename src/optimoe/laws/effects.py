"""How a law of several corpora varies from corpus to corpus: what a corpus without runs may differ by."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require

SCALE = "scale"
"""The effect that multiplies the whole loss; its coordinate is ln scale."""


@dataclass(frozen=True, kw_only=True)
class CorpusEffects:
    """Random effects of corpora around a law: u ~ N(0, Σ), in the coordinates of a fit.

    A corpus' loss is exp(u_scale)·L(θ + u): the coefficients named here are moved by u (``E``, the floor, in nats;
    those that a fit moves as logarithms by a factor exp(u)), then all linear coefficients are multiplied.

    Attributes:
        names: Coefficients of the family, and ``scale``.
        covariance: Σ, in the order of the names.
        residual_scale: Student-t scale of ln L of single runs, the median over corpora.
        degrees: Degrees of freedom ν of the residuals.
        corpora: The corpora that showed it.
        strength: How many corpora the spread that was assumed beforehand is worth.
    """

    names: tuple[str, ...]
    covariance: tuple[tuple[float, ...], ...]
    residual_scale: float
    degrees: float = 4.0
    corpora: tuple[str, ...] = ()
    strength: float = 0.0

    def __post_init__(self) -> None:
        size = len(self.names)
        require(len(set(self.names)) == size, "effects: names", "different from each other", self.names)
        shape = np.shape(self.covariance) if size else (0, 0)
        require(shape == (size, size), "effects: covariance", f"of shape {(size, size)}", shape)
        matrix = self.matrix()
        require(np.allclose(matrix, matrix.T), "effects: covariance", "symmetric", self.covariance)
        least = float(np.linalg.eigvalsh(matrix).min()) if size else 1.0
        require(least > 0, "effects: covariance", "positive definite", f"a least eigenvalue of {least:g}")
        require(0 < self.residual_scale < 1, "effects: residual_scale", "between 0 and 1", self.residual_scale)
        require(self.degrees > 0, "effects: degrees", "positive", self.degrees)

    def matrix(self) -> Float[np.ndarray, "names names"]:
        """Σ as an array."""
        return np.array(self.covariance, dtype=float).reshape(len(self.names), len(self.names))

    def std(self, name: str) -> float:
        """Standard deviation of one effect over corpora."""
        row = self.names.index(name)
        return float(self.covariance[row][row]) ** 0.5

    def spread_of(self, loss: float) -> float:
        """Standard deviation over corpora of ln L at a loss: of u_scale + u_E/L, other effects left out.

        Args:
            loss: Nats per token.
        """
        slopes = np.array([1.0 if name == SCALE else 1.0 / loss if name == "E" else 0.0 for name in self.names])
        return float(np.sqrt(slopes @ self.matrix() @ slopes)) if self.names else 0.0
