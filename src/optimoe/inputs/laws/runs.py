"""Tables of training runs, as every command that reads runs takes them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.files.reading import Source
from optimoe.inputs.quantities import Pairs, columns_by_name
from optimoe.inputs.sources import Runs

if TYPE_CHECKING:
    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunsRequest:
    """Tables of runs, and which of their columns are what."""

    runs: Runs = field(kw_only=False)
    """Text, JSON or Parquet files, or folders of exports (TensorBoard, MLflow, W&B); label file says which."""
    columns: Pairs = None
    """Variable of the law and its column or formula, such as D=step*524288 (once for each)."""
    labels: Pairs = None
    """Label and its column, such as run=hyper_id (once for each)."""
    where: str = ""
    """Rows to take, such as "k == 1 and router == 'S-Base'"."""
    bad_rows: Literal["refuse", "exclude"] = "refuse"
    """Refuse a table with rows that cannot be used, or exclude and flag them."""

    def observations(self) -> "Observations":
        """The runs that are fitted.

        Raises:
            InputError: A column is not stated as ``N=params``.
            ConfigError: The table cannot be read, or a row or column cannot be used.
        """
        return self.observations_of(self.needs())

    def observations_of(self, needs: tuple[str, ...]) -> "Observations":
        """The runs with these variables, which a law takes.

        Raises:
            InputError: A column is not stated as ``N=params``.
            ConfigError: The table cannot be read, or a row or column cannot be used.
        """
        from optimoe.laws.runs import as_observations, load_observations

        columns = columns_by_name("--columns", self.columns, "N=params") or None
        how: Any = {
            "where": self.where,
            "labels": self.label_columns(),
            "bad_rows": self.bad_rows,
            "needs": needs,
        }
        if isinstance(self.runs, Source):
            return load_observations(self.runs, columns, **how)
        if isinstance(self.runs, tuple):
            return load_observations(tuple(Path(run) for run in self.runs), columns, **how)
        return as_observations(self.runs, columns, **how)

    def label_columns(self) -> dict[str, str]:
        """Labels and their columns.

        Raises:
            InputError: One is not stated as ``run=hyper_id``.
        """
        return columns_by_name("--labels", self.labels, "run=hyper_id")

    def needs(self) -> tuple[str, ...]:
        """Variables that the table has to have; a table without them is answered with a mapping to copy."""
        return ()
