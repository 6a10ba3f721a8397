"""The requests of ``optimoe laws compare-families``, ``back-test`` and ``curve``: laws held against runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.laws.options import ObjectiveRequest
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.quantities import Several, parts
from optimoe.inputs.sources import FamilyNames, LawName, LawNames, Runs

if TYPE_CHECKING:
    from optimoe.laws.fitting.anchoring import BackTests
    from optimoe.laws.runs import DesignRuns


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
class BackTestRequest:
    """Records of a trainer, of which laws predict some from the others."""

    runs: Runs = field(kw_only=False)
    """Files of records, or folders of them: each law counts each model in its own way."""
    holdout: str
    """Runs to predict: top20%, or a condition such as "D > 6e6 and N_act > 3e5"."""
    law: LawNames = None
    """Law to test as it is, with an offset and on the level of a few runs: a name of the library, or a law file
    (once for each); all that rank models if neither this nor --family is stated."""
    family: FamilyNames = field(default_factory=list)
    """Family to fit to all runs that are not held out (once for each)."""
    anchors: Several = "1,4,16"
    """Numbers of runs on which a law is anchored; several by comma."""
    choices: int = 20
    """Drawn choices of so many runs, of which the median is taken."""
    where: str = ""
    """Rows to take, such as "E > 1"."""
    bad_rows: Literal["refuse", "exclude"] = "refuse"
    """Refuse records with runs that cannot be used, or exclude and flag them."""
    seed: int = 0
    """Seed of the choices."""

    def read(self) -> "DesignRuns":
        """The runs with their models.

        Raises:
            InputError: They are no files.
            ConfigError: A file holds no records, or a run cannot be used.
        """
        from optimoe.laws.runs import load_design_runs

        if not isinstance(self.runs, tuple):
            raise InputError("runs: must be files of records, which hold each model")
        return load_design_runs([Path(run) for run in self.runs], self.where, self.bad_rows)

    def tested(self, runs: "DesignRuns") -> "BackTests":
        """What laws and families say of the runs that are held out.

        Raises:
            UnknownNameError: No such law or family; lists the nearest.
            InputError: A law gives no loss of models, or a number of runs is none.
            ConfigError: The rule of ``holdout`` takes all runs or none.
        """
        from optimoe.laws.catalog import find_law
        from optimoe.laws.compare import comparable_laws
        from optimoe.laws.fitting import Auto, FitOptions
        from optimoe.laws.fitting.anchoring import BackTestOptions, back_test
        from optimoe.laws.loss_law import ArchLaw

        asked = [find_law(name) for name in self.law or (() if self.family else comparable_laws())]
        for law in asked if self.law else ():
            if not isinstance(law, ArchLaw):
                raise InputError(f"law: must give a loss for a model, got {law.row.name} (family {law.family})")
        return back_test(
            runs,
            self.holdout,
            [law for law in asked if isinstance(law, ArchLaw)],
            self.family,
            BackTestOptions(
                anchors=tuple(map(_number, parts(self.anchors))),
                choices=self.choices,
                seed=self.seed,
                fit=FitOptions(objective=Auto()),
            ),
        )


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--anchors: must be numbers of runs like 1,4,16, got {text!r}") from None


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
