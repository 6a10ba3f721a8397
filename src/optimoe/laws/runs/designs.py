"""Runs with the models that they trained, so that every law can count them in its own way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from optimoe.arch.hf import from_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import require
from optimoe.core.run import RunRecord, load_run_records
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
        designs: What each is but for its seed: equal of runs that differ in nothing else. Empty where nobody says.
    """

    observations: Observations
    archs: tuple[ArchSpec, ...]
    designs: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.archs)

    def select(self, rows: Bool[np.ndarray, " runs"]) -> "DesignRuns":
        """The runs where the mask is true."""
        taken = np.flatnonzero(rows)
        return DesignRuns(
            observations=self.observations.select(rows),
            archs=tuple(self.archs[row] for row in taken),
            designs=tuple(self.designs[row] for row in taken if self.designs),
        )

    @property
    def seed_spread(self) -> float:
        """Standard deviation of the losses of runs that differ in the seed alone, nats per token.

        Pooled: √(Σ (L − mean of its design)² ÷ (runs − designs)) over designs of several runs; NaN without any.
        """
        _, which, count = np.unique(np.array(self.designs), return_inverse=True, return_counts=True)
        if not (count > 1).any():
            return math.nan
        means = np.bincount(which, self.observations.loss) / count
        squares = (self.observations.loss - means[which]) ** 2
        return math.sqrt(float(squares.sum()) / int((count - 1).sum()))


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
    records: list[RunRecord | None] = []
    for log in map(load_run_records, paths):  # rows are those of the records, then of torn lines
        records += [*log.records, *[None] * len(log.torn)]
    runs = [record.run for row in observations.rows if (record := records[row - 1]) is not None]
    return DesignRuns(
        observations=observations,
        archs=tuple(from_config(run.architecture, name=run.name) for run in runs),
        designs=tuple(replace(run, seed=0).run_id for run in runs),
    )
