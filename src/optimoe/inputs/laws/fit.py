"""The request of ``optimoe laws fit``: a family of laws fitted to runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from optimoe.inputs.laws.options import FittedRequest
from optimoe.inputs.sources import FamilyName

if TYPE_CHECKING:
    from optimoe.laws.fitting import Coverage
    from optimoe.laws.runs import Observations


COUNTED_RESAMPLES = 100
"""Refits behind each band that is counted: its ends are mostly the scatter of runs, which more do not move."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FitRequest(FittedRequest):
    """Fit a family of laws to a table of runs."""

    family: FamilyName
    """A family (chinchilla), a law or its paper (ludziejewski2025), or a class of your own (my_law.py:MyLaw)."""
    holdout: str = ""
    """Runs to predict and not to fit: top20%, or a condition such as "size > 1e21" or "E == 64"."""
    resamples: int = 200
    """Bootstrap refits for the intervals; 0 for none."""
    cluster: str = ""
    """Label or variable whose rows are drawn together, such as run."""
    level: float = 0.9
    """Probability that an interval or a band holds."""
    folds: int = 5
    """Parts of the runs, each left out once to count how many a band holds; 0 for none."""
    name: str = ""
    """Name of the law that comes out."""
    seed: int = 0
    """Seed of the bootstrap."""

    def needs(self) -> tuple[str, ...]:
        """Variables of the family that the table has to have.

        Raises:
            UnknownNameError: No such family.
        """
        from optimoe.laws.catalog import find_family
        from optimoe.laws.gradients import required_variables

        return required_variables(find_family(self.family))

    def draws(self) -> dict[str, Any]:
        """What the bootstrap draws: how often, which rows together, from which seed."""
        return {"resamples": self.resamples, "cluster": self.cluster, "seed": self.seed}

    def coverage(self, observations: "Observations") -> "tuple[Coverage, ...]":
        """How many runs the band holds: those of each fold, and those that are held out; none without resamples.

        Raises:
            ConfigError: The rule of ``holdout`` leaves too few runs, or takes none.
        """
        from optimoe.laws.fitting import band_coverage, hold_out_coverage

        how = {"level": self.level, **self.draws(), "resamples": min(self.resamples, COUNTED_RESAMPLES)}
        found: list[Coverage | None] = []
        if self.resamples and self.folds:
            found.append(band_coverage(observations, self.family, self.options(), folds=self.folds, **how))
        if self.resamples and self.holdout:
            found.append(hold_out_coverage(observations, self.family, self.options(), self.holdout, **how))
        return tuple(one for one in found if one is not None)
