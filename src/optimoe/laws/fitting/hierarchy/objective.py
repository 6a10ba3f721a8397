"""What a fit over several corpora minimises: Student-t residuals with a scale a corpus, and priors."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from optimoe.laws.fitting.objectives import EM_STEPS, TINY_VARIANCE

Batch = Float[np.ndarray, "fits rows"]
Scales = Float[np.ndarray, "fits groups"]


@dataclass(frozen=True)
class GroupedStudentT:
    """Minus the logarithm of a posterior: rows of runs, of priors of coordinates, and of the scales' priors.

    Runs of corpus g: (ν+1)/2·ln(1 + r²/(ν·σ_g²)) + ln σ_g, r = ln L_law − ln L_run. Rows of priors: r²/2, r in
    standard deviations, or ν_p/2·ln(1 + r²/ν_p) of a spread that few corpora have shown, which is the same nearby
    and leaves the word to runs that are far off; a true likelihood beside a true prior, so that no weight between
    them is free. σ_g has a prior as if ``scale_runs`` more runs had shown ``scale``: without it, a corpus of one
    run would be fitted exactly with σ_g = 0.

    Attributes:
        group: Number of the corpus of every run; the rows after the runs are priors, the last ones those of σ.
        degrees: ν.
        scale: Residual scale of ln L before any run is seen.
        scale_runs: How many runs that is worth.
        prior_degrees: ν_p; infinite for normal priors.
    """

    group: Int[np.ndarray, " runs"]
    degrees: float
    scale: float
    scale_runs: float
    prior_degrees: float = np.inf

    @property
    def name(self) -> str:
        """Name with the degrees of freedom."""
        return f"student-t(degrees={self.degrees:g}) on ln L, a scale a corpus, normal priors"

    def parts(self, residual: Batch, scale: Scales) -> tuple[Batch, Batch, Batch, Batch]:
        """Value, slope, weight and curvature (ρ, ψ, ψ/r, max(ρ″, 0)), each of shape (fits, rows)."""
        runs = len(self.group)
        value, ones = 0.5 * residual**2, np.ones_like(residual)
        slope, weight, curvature = residual.copy(), ones, ones.copy()
        own, column = residual[:, :runs], scale[:, self.group]
        spread, squared = self.degrees * column**2, own**2
        pull = (self.degrees + 1) / (spread + squared)
        value[:, :runs] = 0.5 * (self.degrees + 1) * np.log1p(squared / spread) + np.log(column)
        value[:, -scale.shape[1] :] = self.scale_runs * (0.5 * (self.scale / scale) ** 2 + np.log(scale))
        slope[:, :runs], weight[:, :runs] = pull * own, pull
        curvature[:, :runs] = pull * np.maximum(spread - squared, 0) / (spread + squared)
        if np.isfinite(self.prior_degrees):
            rows = slice(runs, residual.shape[1] - scale.shape[1])
            off, few = residual[:, rows], self.prior_degrees
            eased = few / (few + off**2)
            value[:, rows] = 0.5 * few * np.log1p(off**2 / few)
            slope[:, rows], weight[:, rows] = eased * off, eased
            curvature[:, rows] = eased * np.maximum(few - off**2, 0) / (few + off**2)
        return value, slope, weight, curvature

    def rescale(self, residual: Batch, weight: Batch, scale: Scales) -> Scales:
        """σ of every corpus after three EM steps, from the residuals' own size at the first call.

        σ² = (Σ w·r²·(ν+1)/(ν + r²/σ²) + K·scale²)/(Σ w + K), K = ``scale_runs``.
        """
        better = np.empty_like(scale)
        for number in range(scale.shape[1]):
            rows = np.flatnonzero(self.group == number)
            w, squared = weight[:, rows], residual[:, rows] ** 2
            total = w.sum(axis=1, keepdims=True) + self.scale_runs
            prior = self.scale_runs * self.scale**2
            mean_square = ((w * squared).sum(axis=1, keepdims=True) + prior) / total
            variance = np.minimum(scale[:, number, None] ** 2, np.maximum(mean_square, TINY_VARIANCE))
            for _ in range(EM_STEPS):
                share = (self.degrees + 1) * w * squared / (self.degrees + squared / variance)
                variance = np.maximum((share.sum(axis=1, keepdims=True) + prior) / total, TINY_VARIANCE)
            better[:, number] = np.sqrt(variance)[:, 0]
        return better

    def information(self, scale: Scales) -> Batch:
        """Expected curvature of each run's term: (ν+1)/((ν+3)·σ²), of shape (fits, runs)."""
        return (self.degrees + 1) / (self.degrees + 3) / scale[:, self.group] ** 2
