"""The training tokens at hand, and what a repeated one is worth."""

import math
from dataclasses import dataclass

import numpy as np

from optimoe.core.arrays import Values
from optimoe.core.config import load_facts
from optimoe.core.errors import require_positive

ALL_TEXT_TOKENS = 1e15
"""All public text, the upper end of 1e14 to 1e15 tokens (Villalobos et al. 2024, arXiv 2211.04325v2): a loss that
takes more is never reached."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The training tokens at hand.

    Attributes:
        unique_tokens: Distinct ones; infinite for no limit.
        repeats: Whether they may be seen again, at the falling worth of ``data/repeats.toml``.

    Raises:
        ConfigError: There are none.
    """

    unique_tokens: float = math.inf
    repeats: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "unique_tokens")

    def worth(self, tokens: Values) -> Values:
        """Count the distinct tokens that so many tokens are worth.

        D' = U + U·R*·(1 − e^(−(D/U − 1)/R*)) for D tokens over U distinct ones, D > U; D itself below.

        Source: Muennighoff et al. 2023, arXiv 2305.16264, eq. 5, fitted on dense models to 9B parameters.
        """
        if math.isinf(self.unique_tokens):
            return tokens
        seen, unique = np.minimum(tokens, self.unique_tokens), self.unique_tokens
        if not self.repeats:
            return seen
        passes = np.maximum(np.asarray(tokens) / unique - 1, 0.0)
        return seen + unique * repeat_constant() * -np.expm1(-passes / repeat_constant())

    def tokens(self, worth: Values) -> Values:
        """Tokens to train on that are worth so many distinct ones; infinite where no number is."""
        if math.isinf(self.unique_tokens):
            return worth
        unique, constant = self.unique_tokens, repeat_constant()
        beyond = np.maximum(np.asarray(worth) / unique - 1, 0.0)
        if not self.repeats:
            return np.where(beyond > 0, np.inf, worth)[()]
        with np.errstate(invalid="ignore", divide="ignore"):
            passes = np.where(beyond < constant, -constant * np.log1p(-beyond / constant), np.inf)
        return np.minimum(worth, unique) + unique * passes


def repeat_constant() -> float:
    """R* of ``data/repeats.toml``: passes after which a repeated token is worth 1/e of a new one."""
    return float(load_facts("optimoe.planner", "repeats.toml")["muennighoff2023"]["R_D_star"])
