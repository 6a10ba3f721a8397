"""The request of ``optimoe laws fit``: a family of laws fitted to runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.sources import FamilyName

if TYPE_CHECKING:
    from optimoe.laws.fitting import FitOptions


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FitRequest(RunsRequest):
    """Fit a family of laws to a table of runs."""

    family: FamilyName
    """A family (chinchilla), a law or its paper (ludziejewski2025), or a class of your own (my_law.py:MyLaw)."""
    objective: Literal["huber", "squares", "student"] = "huber"
    """Huber loss, least squares or Student-t likelihood, on residuals of ln L."""
    delta: float = 1e-3
    """Residual from which Huber's loss is linear."""
    holdout: str = ""
    """Runs to predict and not to fit: top20%, or a condition such as "size > 1e21" or "E == 64"."""
    resamples: int = 200
    """Bootstrap refits for the intervals; 0 for none."""
    cluster: str = ""
    """Label or variable whose rows are drawn together, such as run."""
    level: float = 0.9
    """Probability that an interval holds."""
    name: str = ""
    """Name of the law that comes out."""
    seed: int = 0
    """Seed of the bootstrap."""

    def options(self) -> "FitOptions":
        """How the law is fitted.

        Raises:
            ConfigError: Delta is not positive.
        """
        from optimoe.laws.fitting import FitOptions, Huber, LeastSquares, Objective, StudentT

        objectives: dict[str, Objective] = {
            "huber": Huber(delta=self.delta),
            "squares": LeastSquares(),
            "student": StudentT(),
        }
        return FitOptions(objective=objectives[self.objective])
