"""Requests about the store of a sweep."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import UnknownNameError
from optimoe.inputs.quantities import Flag
from optimoe.inputs.runs.corpus import Names

if TYPE_CHECKING:
    from optimoe.trainer.sweep.store import SweepStore


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StoreRequest:
    """The store of a sweep, by its folder."""

    store: Path = field(kw_only=False)
    """The folder of the sweep."""

    def opened(self) -> "SweepStore":
        """The store in that folder.

        Raises:
            InputError: The folder holds none.
        """
        from optimoe.trainer.sweep.store import SweepStore

        store = SweepStore(self.store)
        store.runs()
        return store


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExportRunsRequest(StoreRequest):
    """Records of a sweep as a table for other tools."""

    out: Path = field(kw_only=False)
    """Where to: a name that ends in .csv, .parquet or .jsonl."""
    bare: Flag = False
    """Write .jsonl without what no law asks for: curves, versions, the machine."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RetryRequest(StoreRequest):
    """Runs of a store that were given up."""

    only: Names = field(default_factory=list)
    """Names of those that may be done again; left out, all."""

    def opened(self) -> "SweepStore":
        """The store in that folder.

        Raises:
            InputError: The folder holds none.
            UnknownNameError: It has no run of a name.
        """
        store = super().opened()
        names = [run.name for run in store.runs()]
        for name in self.only:
            if name not in names:
                raise UnknownNameError("only", name, names)
        return store
