"""The request of ``optimoe laws next-runs``, of a sweep too: what is chosen is a file for the next one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.run import RunSpec, save_runs
from optimoe.inputs.laws.next_runs import NextRunsRequest
from optimoe.inputs.quantities import columns_by_name
from optimoe.inputs.sweeps.grid import load_sweep

if TYPE_CHECKING:
    import numpy as np

    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NextSweepRequest(NextRunsRequest):
    """Choose among designs, or among the runs of a file of grids, those that shrink an uncertainty most."""

    out: Path | None = None
    """Where the chosen runs of a --candidates file of grids or runs are written, for optimoe sweep."""

    def __post_init__(self) -> None:
        if self.out is not None and not self._of_runs:
            raise InputError("--out: must stand beside --candidates with a .toml file of grids or runs")

    @property
    def _of_runs(self) -> bool:
        return self.candidates is not None and self.candidates.suffix == ".toml"

    def runs_to_do(self) -> tuple[RunSpec, ...]:
        """The runs of the file of candidates, rules of rates and batches settled.

        Raises:
            ConfigError: The file cannot be read, or a field is missing or out of limits.
            UnknownNameError: A key is no field, or a rule has another name.
        """
        from optimoe.laws.prediction.rates import settled

        return tuple(map(settled, load_sweep(self.candidates))) if self.candidates is not None else ()

    def designs(self, observations: "Observations") -> "dict[str, np.ndarray]":
        """The candidates: of a file of grids or runs their variables, by the names that records of runs have.

        Raises:
            InputError: A part of the grid is not stated as ``N=1e8:1e10:7``, or is no variable of the family.
            ConfigError: The table or the file cannot be read, or no design is affordable.
        """
        if not self._of_runs:
            return super().designs(observations)
        if self.grid:
            raise InputError("--grid: must be left out beside --candidates, which state the designs")
        from optimoe.laws.runs.load import as_designs
        from optimoe.laws.runs.tables.exports import planned_columns

        columns = columns_by_name("--columns", self.columns, "N=params")
        return as_designs(planned_columns(self.runs_to_do()), columns, self.needs(), str(self.candidates))

    def save_chosen(self, chosen: tuple[int, ...]) -> None:
        """Write the chosen runs in the order of choosing, where that is asked for.

        Raises:
            InputError: The place cannot be written.
        """
        if self.out is not None:
            runs = self.runs_to_do()
            save_runs(self.out, [runs[number] for number in chosen])
