"""Laws to ask, published or fitted to the runs at hand."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from optimoe.inputs.laws.options import FittedRequest
from optimoe.inputs.sources import FamilyName, LawNames

if TYPE_CHECKING:
    from optimoe.laws.law import LawRow
    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LawsRequest(FittedRequest):
    """Tables of runs, and laws to hold beside them."""

    law: LawNames = None
    """Law to ask: a name of the library, or a law file (once for each)."""
    family: FamilyName = ""
    """Family of which a law is fitted to the runs and asked, too."""
    resamples: int = 200
    """Draws for the intervals; 0 for none."""
    cluster: str = ""
    """Label or variable whose rows are drawn together, such as run."""
    level: float = 0.9
    """Probability that an interval holds."""
    seed: int = 0
    """Seed of the draws."""

    def rows(self, observations: "Observations | None" = None) -> "list[LawRow]":
        """The laws that are named, and the one that is fitted to the runs; each with draws where it can have some.

        Raises:
            UnknownNameError: No such law or family; lists the nearest.
            InputError: A law cannot be right as printed, or has no published coefficients.
            ConfigError: The family cannot be fitted to the runs.
        """
        from optimoe.laws.fitting import drawn_law

        rows = [drawn_law(name, self.resamples, self.seed) for name in self.law or ()]
        if self.family and observations is not None:
            rows.append(self._fitted(observations))
        return rows

    def _fitted(self, observations: "Observations") -> "LawRow":
        from optimoe.laws.fitting import bootstrap, fit

        fitted = fit(observations, self.family, self.options())
        if not self.resamples:
            return fitted.law
        how: dict[str, Any] = {"resamples": self.resamples, "cluster": self.cluster, "seed": self.seed}
        drawn = bootstrap(observations, fitted, **how).coefficients
        return replace(fitted.law, draws={name: tuple(map(float, values)) for name, values in drawn.items()})
