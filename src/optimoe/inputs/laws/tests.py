"""The requests of ``optimoe laws compare-families`` and ``curve``: laws held against runs."""

from dataclasses import dataclass

from cyclopts import Parameter

from optimoe.inputs.laws.options import ObjectiveRequest
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.sources import FamilyNames, LawName


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CompareFamiliesRequest(ObjectiveRequest):
    """Families of laws on one table of runs."""

    family: FamilyNames
    """A family, a law or its paper, or a class of your own (once for each)."""
    folds: int = 10
    """Parts of the runs, each predicted from the others."""
    cluster: str = ""
    """Label or variable whose rows stay together, such as run."""
    holdout: str = ""
    """Runs to predict from the others besides: top20%, or a condition such as "size > 1e21"."""
    seed: int = 0
    """Seed of the folds."""

    def needs(self) -> tuple[str, ...]:
        """Variables of all families.

        Raises:
            UnknownNameError: No such family; lists the nearest.
        """
        from optimoe.laws.catalog import find_family
        from optimoe.laws.gradients import required_variables

        found = [name for family in self.family for name in required_variables(find_family(family))]
        return tuple(dict.fromkeys(found))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CurveRequest(RunsRequest):
    """Training curves, one row a point, beside what a law says at the same tokens."""

    law: LawName
    """Name of a law, or a law file."""
    run: str = ""
    """The run whose points are printed; left out, one line a run."""

    def needs(self) -> tuple[str, ...]:
        """Variables of the law.

        Raises:
            UnknownNameError: No such law; lists the nearest.
        """
        from optimoe.laws.catalog import find_family, find_law
        from optimoe.laws.gradients import required_variables

        return required_variables(find_family(find_law(self.law).row.family))
