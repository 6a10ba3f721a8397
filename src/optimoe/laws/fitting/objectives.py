"""What a fit minimises: a sum over runs of ρ(r), r = ln L_law − ln L_run.

Each objective gives ρ, its slope ψ = ρ′, the weight ψ/r of iteratively reweighted least squares, and the
true curvature ρ″ where it is not negative. The solver blends the last two.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import require_positive

EM_STEPS = 3
TINY_VARIANCE = 1e-30
"""Below this, residuals of ln L are rounding: runs without noise."""

Batch = Float[np.ndarray, "fits runs"]
Column = Float[np.ndarray, "fits 1"]


@runtime_checkable
class Objective(Protocol):
    """A loss on residuals; ``scale`` is the residual scale of each fit (1 where the objective has none)."""

    @property
    def name(self) -> str:
        """What results call the objective."""

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """Value, slope, weight and curvature (ρ, ψ, ψ/r, max(ρ″, 0)), each of shape (fits, runs)."""

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """A better residual scale at fixed coefficients, one for each fit."""


@dataclass(frozen=True, kw_only=True)
class Huber:
    """Huber loss: ρ = r²/2 where |r| ≤ δ, else δ·(|r| − δ/2); the sum over runs (Besiroglu 2024, notebook).

    Hoffmann 2022 and most papers after it use δ = 1e-3, Ludziejewski 2025 0.01. A δ far below the residuals
    makes it nearly least absolute deviations.
    """

    delta: float = 1e-3

    def __post_init__(self) -> None:
        require_positive(self, "delta")

    @property
    def name(self) -> str:
        """Name with the δ that was used."""
        return f"huber(delta={self.delta:g}) on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """Value, slope, weight and curvature (ρ, ψ, ψ/r, ρ″), each of shape (fits, runs)."""
        slope = np.clip(residual, -self.delta, self.delta)
        size = np.maximum(np.abs(residual), self.delta)
        weight = self.delta / size
        return slope * (residual - 0.5 * slope), slope, weight, (weight == 1).astype(float)

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """The scale stays as it is: Huber's loss has none."""
        return scale


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """Least squares, ρ = r²/2: the maximum likelihood of normal residuals of ln L."""

    @property
    def name(self) -> str:
        """Name of the objective, half the sum of squares."""
        return "least squares on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """Value, slope, weight and curvature (r²/2, r, 1, 1), each of shape (fits, runs)."""
        ones = np.ones_like(residual)
        return 0.5 * residual**2, residual, ones, ones

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """The scale stays as it is: least squares have none."""
        return scale


@dataclass(frozen=True, kw_only=True)
class StudentT:
    """Student-t likelihood: ρ = (ν+1)/2·ln(1 + r²/(νs²)) + ln s, minus its logarithm without constants.

    The scale s is estimated with the coefficients: s² = Σ w·r²·(ν+1)/(ν + r²/s²) / Σ w (the EM step of
    Lange, Little and Taylor 1989).
    """

    degrees: float = 4.0

    def __post_init__(self) -> None:
        require_positive(self, "degrees")

    @property
    def name(self) -> str:
        """Name with the degrees of freedom."""
        return f"student-t(degrees={self.degrees:g}) on ln L"

    def parts(self, residual: Batch, scale: Column) -> tuple[Batch, Batch, Batch, Batch]:
        """Value, slope, weight and curvature (ρ, ψ, ψ/r, max(ρ″, 0)), each of shape (fits, runs)."""
        spread = self.degrees * scale**2
        squared = residual**2
        weight = (self.degrees + 1) / (spread + squared)
        value = 0.5 * (self.degrees + 1) * np.log1p(squared / spread) + np.log(scale)
        return value, weight * residual, weight, weight * np.maximum(spread - squared, 0) / (spread + squared)

    def rescale(self, residual: Batch, weight: Batch, scale: Column) -> Column:
        """Residual scale after three EM steps, from the residuals' own size at the first call."""
        total = weight.sum(axis=1, keepdims=True)
        squared = residual**2
        mean_square = (weight * squared).sum(axis=1, keepdims=True) / total
        # The solver starts at scale 1, far above residuals of ln L: from their own size three steps are enough,
        # and the next evaluation goes on from here.
        variance = np.minimum(scale**2, np.maximum(mean_square, TINY_VARIANCE))
        for _ in range(EM_STEPS):
            share = (self.degrees + 1) * weight * squared / (self.degrees + squared / variance)
            variance = np.maximum(share.sum(axis=1, keepdims=True) / total, TINY_VARIANCE)
        return np.sqrt(variance)


@dataclass(frozen=True, kw_only=True)
class Auto(StudentT):
    """An objective that the residuals choose: Student-t for a first fit, then what its residuals call for."""
