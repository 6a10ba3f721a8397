"""The request of ``optimoe sweep run``: the runs of a file or of grids, and how this machine does them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.core.run import AskedRun
from optimoe.inputs.runs.corpus import TextRequest
from optimoe.inputs.runs.machine import TrainOptions
from optimoe.inputs.runs.train import ChangedRuns, RunsLike

if TYPE_CHECKING:
    from optimoe.trainer.sweep.loop import SweepBoard
    from optimoe.trainer.sweep.pace import SweepEstimate
    from optimoe.trainer.sweep.sweep import SweepOutcome


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SweepRequest(ChangedRuns):
    """Runs to do, all at once that this machine can."""

    runs: RunsLike = field(kw_only=False)
    """TOML or JSON file of grids or of runs (docs/sweeps.md), such as a plan's winner/proxies.toml."""
    out: Path = Path("sweep")
    """The store: NAME/ of each run, records.jsonl of all, data/ of their corpora."""
    workers: int = 0
    """Processes; left out, one to a GPU, or to each core where there is none."""
    retries: int = 2
    """Times that a run is tried again whose worker died before it got further."""
    usd_per_hour: float = 0.0
    """Price of an hour of this machine."""
    ray_address: str = ""
    """Do the runs on a Ray cluster: auto, or HOST:PORT of its head; --out must be seen by all its machines."""
    how: TrainOptions = field(default_factory=TrainOptions)
    reading: TextRequest = field(default_factory=TextRequest)

    def _stated(self) -> tuple[AskedRun, ...]:
        from optimoe.inputs.sweeps.grid import load_sweep

        return load_sweep(Path(self.runs)) if isinstance(self.runs, str | Path) else super()._stated()

    def swept(
        self,
        confirm: "Callable[[SweepEstimate], bool]",
        look: "Callable[[SweepBoard], None]" = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> "SweepOutcome":
        """What came of the runs.

        Args:
            confirm: Is asked before the first run.
            look: Is told where the sweep is.
            say: Is told what a person should know.

        Raises:
            InputError: PyTorch is not installed, or a source or a folder cannot be used.
            ConfigError: A run cannot be trained as it is stated.
            InfeasibleError: It was not confirmed.
        """
        runs = self.specs(say)
        if find_spec("torch") is None:
            raise InputError("sweep: needs torch (pip install 'optimoe[train]')")
        from optimoe.trainer.corpus.prepared import Preparation
        from optimoe.trainer.results.folder import CORPORA
        from optimoe.trainer.sweep.loop import SweepOptions
        from optimoe.trainer.sweep.sweep import sweep

        options = SweepOptions(
            workers=self.workers,
            retries=self.retries,
            usd_per_hour=self.usd_per_hour,
            ray_address=self.ray_address,
        )
        preparation = Preparation(
            folder=self.out / CORPORA,
            held_out_share=self.reading.held_out,
            most_tokens=self.reading.tokens(),
        )
        return sweep(runs, self.out, options, self.how, preparation, confirm, look, say)
