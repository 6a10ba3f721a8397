"""What a fit minimises: a sum over runs of ρ(r), r = ln L_law − ln L_run.

Each objective gives ρ, its slope ψ = ρ′, the weight ψ/r of iteratively reweighted least squares, and the
true curvature ρ″ where it is not negative. The solver blends the last two.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require_positive

Batch = Float[np.ndarray, "fits runs"]
Column = Float[np.ndarray, "fits 1"]


@runtime_checkable
class Objective(Protocol):
    """A loss on residuals; ``scale`` is the residual scale of each fit (1 where the objective has none)."""

    @property
    def name(self) -> str:
        """How it is called in results."""

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """(ρ, ψ, ψ/r, max(ρ″, 0)), each of shape (fits, runs)."""

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """A better residual scale at fixed coefficients."""


@dataclass(frozen=True, kw_only=True)
class Huber:
    """ρ = r²/2 where |r| ≤ δ, else δ·(|r| − δ/2); the objective is the sum (Besiroglu 2024, notebook).

    Hoffmann 2022 and most papers after it use δ = 1e-3, Ludziejewski 2025 0.01. A δ far below the residuals
    makes it nearly least absolute deviations.
    """

    delta: float = 1e-3

    def __post_init__(self) -> None:
        require_positive(self, "delta")

    @property
    def name(self) -> str:
        """With its δ."""
        return f"huber(delta={self.delta:g}) on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """(ρ, ψ, ψ/r, ρ″)."""
        slope = np.clip(residual, -self.delta, self.delta)
        size = np.maximum(np.abs(residual), self.delta)
        weight = self.delta / size
        return slope * (residual - 0.5 * slope), slope, weight, (weight == 1).astype(float)

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """No scale."""
        return scale


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """ρ = r²/2: the maximum likelihood of normal residuals of ln L."""

    @property
    def name(self) -> str:
        """Half the sum of squares."""
        return "least squares on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """(r²/2, r, 1, 1)."""
        ones = np.ones_like(residual)
        return 0.5 * residual**2, residual, ones, ones

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """No scale."""
        return scale


@dataclass(frozen=True, kw_only=True)
class StudentT:
    """ρ = (ν+1)/2·ln(1 + r²/(νs²)) + ln s: minus the log likelihood of t residuals, without constants.

    The scale s is estimated with the coefficients: s² = Σ w·r²·(ν+1)/(ν + r²/s²) / Σ w (the EM step of
    Lange, Little and Taylor 1989).
    """

    degrees: float = 4.0

    def __post_init__(self) -> None:
        require_positive(self, "degrees")

    @property
    def name(self) -> str:
        """With its degrees of freedom."""
        return f"student-t(degrees={self.degrees:g}) on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """(ρ, ψ, ψ/r, max(ρ″, 0))."""
        spread = self.degrees * scale**2
        squared = residual**2
        weight = (self.degrees + 1) / (spread + squared)
        value = 0.5 * (self.degrees + 1) * np.log1p(squared / spread) + np.log(scale)
        return value, weight * residual, weight, weight * np.maximum(spread - squared, 0) / (spread + squared)

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """Three EM steps, from the residuals' own size at the first call."""
        total = weight.sum(axis=1, keepdims=True)
        squared = residual**2
        mean_square = (weight * squared).sum(axis=1, keepdims=True) / total
        variance = np.minimum(scale**2, np.maximum(mean_square, TINY_VARIANCE))
        for _ in range(3):
            share = (self.degrees + 1) * weight * squared / (self.degrees + squared / variance)
            variance = np.maximum(share.sum(axis=1, keepdims=True) / total, TINY_VARIANCE)
        return np.sqrt(variance)


TINY_VARIANCE = 1e-30
"""Below this, residuals of ln L are rounding: runs without noise."""
