"""What a law knows beyond its coefficients: how sure they are, and how corpora differ around it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import ConfigError, InputError, require
from optimoe.laws.effects import SCALE, CorpusEffects
from optimoe.laws.fitting.draws import law_draws
from optimoe.laws.fitting.hierarchy.spread import SCALE_STD
from optimoe.laws.fitting.priors import GaussianPrior, prior_of_draws
from optimoe.laws.law import Law
from optimoe.laws.loss_law import LossLaw

Range: TypeAlias = tuple[float, float]
"""Least and largest."""

RESIDUAL_SCALE = 0.01
"""Of ln L of finished runs, where a law does not say (assumed: public corpora scatter by 0.003 to 0.02)."""


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """A law with its draws and the effects of corpora around it.

    Attributes:
        law: The law.
        draws: By coefficient, one value a draw; empty where nothing says how sure the law is.
        count: Of the draws; of what is drawn about a corpus where the law has none.
        effects: How a corpus may differ from it.
        basis: Where draws and effects come from, in words.
    """

    law: Law
    draws: dict[str, Float[np.ndarray, " draws"]]
    count: int
    effects: CorpusEffects
    basis: str

    def prior(self) -> GaussianPrior:
        """The law's draws as a prior of one more corpus' coefficients.

        Their covariance is that of a mean over corpora: times the number of corpora, it is that of a single one
        (exponents differ from corpus to corpus, too). ``benchmarks/anchoring.py`` compares the two.

        Raises:
            InputError: The law has no draws.
        """
        row = self.law.row
        if not self.draws:
            raise InputError(f"law {row.name}: no prior, nothing says how sure its coefficients are")
        prior = prior_of_draws(row.family, self.draws, f"draws of {row.name}")
        corpora = max(len(self.effects.corpora), 1)
        wider = tuple(tuple(corpora * value for value in line) for line in prior.covariance)
        return replace(prior, covariance=wider)

    def columns(self) -> dict[str, Float[np.ndarray, " draws"]]:
        """Every coefficient, one value a draw: the law's own where it does not vary."""
        row = self.law.row
        return {
            name: self.draws.get(name, np.full(self.count, float(row.coefficients[name])))
            for name in self.law.free
        }


def knowledge_of(law: Law, *, draws: int = 200, seed: int = 0) -> Knowledge:
    """Draws and effects of a law: its own, else draws from its fitted range and scatter, and an assumed scale.

    Args:
        law: A law of the library, or of a file.
        draws: How many to make where the law has none of its own.
        seed: Of those.

    Raises:
        ConfigError: Its family is no form to fit: nothing can be moved.
        InputError: It has no published coefficients, or is inconsistent as printed.
    """
    row = law.row
    if not isinstance(law, LossLaw):
        raise ConfigError(f"law {row.name}: must be a loss of designs and tokens")
    law.require_usable()
    missing = [name for name in law.free if name not in row.coefficients]
    require(law.free and not missing, f"law {row.name}", "of a family that can be fitted", row.family)
    own = {name: np.array(values) for name, values in row.draws.items() if name in law.free}
    said = "its own draws"
    if not own:
        try:
            many = law_draws(law, draws, seed=seed).row.coefficients
            own = {name: np.ravel(many[name]) for name in law.free}
            said = "draws from its fitted range and scatter"
        except InputError:
            said = "no draws: how sure it is, nobody states"
    effects = row.effects
    if effects is None:
        scatter = row.rmse_log or RESIDUAL_SCALE
        effects = CorpusEffects(names=(SCALE,), covariance=((SCALE_STD**2,),), residual_scale=scatter)
        said += f"; a scale of 1 ± {SCALE_STD:g}, assumed, and no other difference between corpora"
    else:
        said += f"; differences between {len(effects.corpora)} corpora"
    count = len(next(iter(own.values()))) if own else draws
    return Knowledge(law=law, draws=own, count=count, effects=effects, basis=said)


def with_runs(ranges: Mapping[str, Range], runs: Mapping[str, Range]) -> dict[str, Range]:
    """What a law covers once it was brought to runs of one's own: its range, and theirs in the same variables."""
    return {
        name: (min(low, runs.get(name, (low, high))[0]), max(high, runs.get(name, (low, high))[1]))
        for name, (low, high) in ranges.items()
    }
