"""Runs with the models that they trained, so that every law can count them in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from optimoe.arch.hf import from_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require
from optimoe.core.run import load_run_records
from optimoe.laws.runs.load import BadRows, load_observations
from optimoe.laws.runs.observations import Observations
from optimoe.laws.runs.tables.files import hold_run_records

SEEN = ("N_act", "D")
"""Variables by which one run is larger than another."""


@dataclass(frozen=True, kw_only=True)
class DesignRuns:
    """Runs of one tokenizer and data set with their models.

    Attributes:
        observations: The runs as a table, by the columns of a trainer's records.
        archs: The model of each.
    """

    observations: Observations
    archs: tuple[ArchSpec, ...]

    def __len__(self) -> int:
        return len(self.archs)

    def select(self, rows: Bool[np.ndarray, " runs"]) -> "DesignRuns":
        """The runs where the mask is true."""
        archs = tuple(arch for arch, taken in zip(self.archs, rows, strict=True) if taken)
        return DesignRuns(observations=self.observations.select(rows), archs=archs)


def load_design_runs(paths: Sequence[Path], where: str = "", bad_rows: BadRows = "refuse") -> DesignRuns:
    """Read records of a trainer, with the models that they are of.

    Args:
        paths: Files of records, or folders of them.
        where: Rows to take, a condition on the columns of records.
        bad_rows: What to do with rows that cannot be used: ``refuse`` them all, or ``exclude`` those.

    Raises:
        ConfigError: A file holds no records of runs, or a row cannot be used.
    """
    source = ", ".join(map(str, paths))
    require(hold_run_records(paths), "runs", "records of a trainer, which hold each model", source)
    observations = load_observations(paths, where=where, bad_rows=bad_rows, needs=SEEN)
    archs: list[ArchSpec | None] = []
    for log in map(load_run_records, paths):  # rows are those of the records, then of torn lines
        archs += [from_config(record.run.architecture, name=record.run.name) for record in log.records]
        archs += [None] * len(log.torn)
    taken = [archs[row - 1] for row in observations.rows]
    return DesignRuns(observations=observations, archs=tuple(arch for arch in taken if arch is not None))
