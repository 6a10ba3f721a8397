"""The requests of ``optimoe laws``: fits, evaluations and comparisons."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.units import parse_quantity
from optimoe.inputs.quantities import Flag, Pairs, Quantity, pairs
from optimoe.inputs.sources import FamilyName, LawName, LawNames, Model, Runs, read_model

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.laws.fitting import FitOptions
    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FitRequest:
    """Fit a family of laws to a table of runs."""

    runs: Runs = field(kw_only=False)
    """CSV, JSON or Parquet file, or a folder of exports (TensorBoard, MLflow, W&B)."""
    family: FamilyName
    """A family (chinchilla), a law or its paper (ludziejewski2025), or a class of your own (my_law.py:MyLaw)."""
    columns: Pairs = None
    """Variable of the law and its column or formula, such as D=step*524288 (once for each)."""
    labels: Pairs = None
    """Label and its column, such as run=hyper_id (once for each)."""
    where: str = ""
    """Rows to take, such as "k == 1 and router == 'S-Base'"."""
    bad_rows: Literal["refuse", "exclude"] = "refuse"
    """Refuse a table with rows that cannot be used, or exclude and flag them."""
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

    def observations(self) -> "Observations":
        """The runs that are fitted.

        Raises:
            InputError: A column is not stated as ``N=params``.
            ConfigError: The table cannot be read, or a row or column cannot be used.
        """
        from optimoe.laws.runs import as_observations, load_observations

        columns = pairs("--columns", self.columns, "N=params") or None
        labels = pairs("--labels", self.labels, "run=hyper_id")
        if isinstance(self.runs, str | Path):
            return load_observations(
                Path(self.runs), columns, where=self.where, labels=labels, bad_rows=self.bad_rows
            )
        return as_observations(self.runs, columns, where=self.where, labels=labels, bad_rows=self.bad_rows)

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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Evaluate a law in its own variables."""

    law: LawName
    """Name of a law, or a law file."""
    set: Pairs = None
    """Variable of the law and its value, such as N=7e9 (once for each)."""
    output: str = "L"
    """Quantity to evaluate: L for the loss, or another output of `laws show`."""
    allow_inconsistent: Flag = False
    """Evaluate a law that cannot be right as printed; not for predictions."""

    def variables(self) -> dict[str, Any]:
        """The values by symbol; text that is no quantity stays text.

        Raises:
            InputError: A variable is not stated as ``N=7e9``.
        """
        return {symbol: _quantity(value) for symbol, value in pairs("--set", self.set, "N=7e9").items()}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CompareLawsRequest:
    """One design under every law that covers it, as differences to each law's own dense model."""

    model: Model = field(kw_only=False)
    """Catalog name, config.json, or the folder that holds one."""
    tokens: Quantity
    """Training tokens."""
    laws: LawNames = None
    """Laws to ask (once for each); all verified and transcribed ones if left out."""

    def spec(self) -> "ArchSpec":
        """The design that is named or described.

        Raises:
            UnknownNameError: Neither a file nor a name of the catalog; lists the nearest names.
            ConfigError: The file is no usable ``config.json``.
        """
        return read_model(self.model)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DecideRequest:
    """What each law would decide at a training budget: experts, granularity, tokens per parameter."""

    train_flops: Quantity
    """Training budget in FLOPs."""
    laws: LawNames = None
    """Laws to ask (once for each); all that can answer if left out."""


def _quantity(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_quantity(value)
    except InputError:
        return value
