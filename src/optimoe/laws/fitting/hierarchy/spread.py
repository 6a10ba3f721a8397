"""How much corpora differ: the covariance of their own coefficients, and how it is estimated."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import UnknownNameError, require
from optimoe.laws.effects import SCALE, CorpusEffects

SCALE_STD = 0.1
"""Of ln scale, assumed: vocabularies from 32,000 to 256,000 differ by about a tenth in bytes a token."""
LOG_STD = 0.3
"""Of a coordinate that is a logarithm, assumed: amplitudes differ by a third."""
SHARE_STD = 0.1
"""Of other coefficients relative to their size, assumed: most published floors lie within a tenth or so."""
SMALLEST_STD = 0.01
"""Of a coefficient that is about zero: nothing to be a tenth of."""
STRENGTH = 2.0
"""Corpora that the assumed spread is worth, assumed: with five corpora the estimate is theirs by five sevenths."""


@dataclass(frozen=True, kw_only=True)
class CorpusSpread:
    """Random effects of corpora: u ~ N(0, Σ), in the coordinates of the fit.

    Attributes:
        names: The effects: coefficients of the family, or ``scale`` (ln s).
        covariance: Σ.
        prior: Σ before any corpus was seen.
        strength: Corpora that the prior is worth.
        known: Effects whose spread was stated, not estimated.
        corpora: How many showed it.
    """

    names: tuple[str, ...]
    covariance: Float[np.ndarray, "effects effects"]
    prior: Float[np.ndarray, "effects effects"]
    strength: float = STRENGTH
    known: tuple[str, ...] = ()
    corpora: int = 0

    def std(self) -> dict[str, float]:
        """Standard deviation of each effect."""
        return dict(zip(self.names, map(float, np.sqrt(np.diag(self.covariance))), strict=True))

    def as_effects(self, residual_scale: float, degrees: float, corpora: tuple[str, ...]) -> CorpusEffects:
        """The spread as a law file holds it."""
        return CorpusEffects(
            names=self.names,
            covariance=tuple(tuple(map(float, row)) for row in self.covariance),
            residual_scale=residual_scale,
            degrees=degrees,
            corpora=corpora,
            strength=self.strength,
        )

    def updated(self, second_moment: Float[np.ndarray, "effects effects"], corpora: int) -> "CorpusSpread":
        """The mean of Σ's inverse-Wishart posterior: (strength·Σ₀ + Σ_g E[u_g·u_gᵀ])/(strength + corpora).

        Effects whose spread is known keep it, uncorrelated with the others.

        Where all are known, that is all there is to say.

        Args:
            second_moment: Σ_g E[u_g·u_gᵀ] over the corpora.
            corpora: How many.
        """
        if set(self.known) == set(self.names):
            return replace(self, corpora=corpora)
        covariance = (self.strength * self.prior + second_moment) / (self.strength + corpora)
        return replace(self, covariance=self._with_known(covariance), corpora=corpora)

    def _with_known(self, covariance: np.ndarray) -> np.ndarray:
        held = np.array([name in self.known for name in self.names], dtype=bool)
        mixed = held[:, None] | held[None, :]
        return np.where(mixed, np.diag(np.diag(self.prior)), covariance)

    def draw_covariances(self, draws: int, random: np.random.Generator) -> np.ndarray:
        """Σ as uncertain as so few corpora leave it, of shape (draws, effects, effects).

        From the inverse-Wishart distribution of scale n·Σ and n + effects − 2 degrees of freedom, n = strength +
        corpora: each effect of a corpus that nobody has seen is then Student-t with n − 1 degrees of freedom, as
        the mean over corpora is estimated too.
        """
        size, weight = len(self.names), self.strength + self.corpora
        if set(self.known) == set(self.names):
            return np.tile(self.covariance, (draws, 1, 1))
        from scipy.stats import invwishart  # takes a second to load, which few need

        found = invwishart(df=weight + size - 2, scale=weight * self.covariance).rvs(draws, random_state=random)
        found = np.asarray(found).reshape(draws, size, size)
        return np.stack([self._with_known(covariance) for covariance in found])

    def draw_effects(self, draws: int, random: np.random.Generator) -> Float[np.ndarray, "draws effects"]:
        """Effects of corpora that nobody has seen: u ~ N(0, Σ), Σ drawn too."""
        roots = [np.linalg.cholesky(covariance) for covariance in self.draw_covariances(draws, random)]
        normal = random.standard_normal((draws, len(self.names)))
        return np.einsum("dij,dj->di", np.stack(roots), normal) if len(self.names) else normal


def known_spread(effects: CorpusEffects) -> CorpusSpread:
    """The spread that a law brings along, which runs of one more corpus do not change."""
    return CorpusSpread(
        names=effects.names,
        covariance=effects.matrix(),
        prior=effects.matrix(),
        known=effects.names,
        corpora=len(effects.corpora),
    )


def assumed_spread(
    names: tuple[str, ...], sizes: Mapping[str, float], logs: frozenset[str], stated: Mapping[str, float]
) -> CorpusSpread:
    """The spread before any corpus is seen: stated where it was stated, else assumed.

    Args:
        names: The effects.
        sizes: Of coefficients that are no logarithms, their values.
        logs: Coefficients whose coordinate is a logarithm.
        stated: Standard deviations by effect, of ln scale, and of coordinates otherwise.

    Raises:
        UnknownNameError: A spread is stated of something that is no effect.
        ConfigError: It is not positive.
    """
    for name, std in stated.items():
        if name not in names:
            raise UnknownNameError("spread: coefficient of each corpus", name, names)
        require(0 < std < float("inf"), f"spread of {name}", "positive", std)

    def usual(name: str) -> float:
        if name == SCALE:
            return SCALE_STD
        return LOG_STD if name in logs else max(SHARE_STD * abs(sizes[name]), SMALLEST_STD)

    prior = np.diag([(stated.get(name) or usual(name)) ** 2 for name in names])
    known = tuple(name for name in names if name in stated)
    return CorpusSpread(names=names, covariance=prior, prior=prior, known=known)
