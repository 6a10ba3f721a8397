"""The front door: runs are done by all workers of a machine, what is missing of them and nothing twice."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from optimoe.core.results.shown import Drawn
from optimoe.core.run import RunSpec
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.results.folder import CORPORA
from optimoe.trainer.series import with_corpora
from optimoe.trainer.signals import stop_wish
from optimoe.trainer.sweep.cluster.crew import ClusterNeeds, on_cluster
from optimoe.trainer.sweep.loop import Confirm, Look, SweepLoop, SweepOptions
from optimoe.trainer.sweep.pace import Reckoning
from optimoe.trainer.sweep.seats import Crew
from optimoe.trainer.sweep.store import LOG, RunState, SweepStore
from optimoe.trainer.sweep.workers import places_here, working


@dataclass(frozen=True, kw_only=True, repr=False)
class SweepOutcome(Drawn):
    """What came of a sweep.

    Attributes:
        store: Its folder.
        states: Of the runs that were asked for, in their order.
        reckoning: What was thought that they take, and what they took; none where all were over before.
    """

    store: SweepStore
    states: tuple[RunState, ...]
    reckoning: Reckoning | None

    def __repr__(self) -> str:
        """Its store and how many of its runs are over in one line."""
        over = sum(one.record is not None for one in self.states)
        return f"SweepOutcome({self.store.path}, {over} of {len(self.states)} runs over)"


def sweep(
    runs: Sequence[RunSpec],
    out: Path,
    options: SweepOptions | None = None,
    how: TrainOptions | None = None,
    preparation: Preparation | None = None,
    confirm: Confirm = lambda _: True,
    look: Look = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> SweepOutcome:
    """Do runs that are not over yet, as many at once as there are workers.

    A run whose worker dies goes on from its checkpoint, a stated number of times. Runs that another process does
    are left to it and waited for, so that several sweeps share the runs of one store. However often and wherever
    it is killed: given again, it does what is missing, and each run has one record.

    Args:
        runs: What to train; each states its data.
        out: The store.
        options: Workers, retries and price.
        how: Each run is done, but for its threads, of which 0 is one on a CPU.
        preparation: How text becomes corpora; left out, as usual and under ``out/data``.
        confirm: Is asked before the first run, with what they take.
        look: Is told where the sweep is, twice a second and whenever something has happened.
        say: Is told what a person should know, a line at a time.

    Raises:
        InputError: A source or a folder cannot be used, or no worker can start.
        ConfigError: A run cannot be trained as it is stated.
        InfeasibleError: Whoever was asked has said no.
    """
    store, options, how = SweepStore(out), options or SweepOptions(), how or TrainOptions()
    preparation = preparation or Preparation(folder=out / CORPORA)
    with store.alone():
        prepared = [with_corpora(run, preparation, say) for run in runs]
    asked = [run for run, _ in prepared]
    store.add(asked)
    for run in asked:
        store.settle(run)
    done = store.records()
    left = [run for run in asked if run.run_id not in done and not store.failure(run)]
    reckoning = None
    if left:
        corpora = {run.name: tuple(folders) for run, folders in prepared}
        with stop_wish() as wish, _crew(options, how, store, say) as workers:
            reckoning = SweepLoop(store, asked, corpora, options, how, workers, look, say).go(left, confirm, wish)
    names = {run.name for run in asked}
    states = tuple(state for state in store.states() if state.run.name in names)
    return SweepOutcome(store=store, states=states, reckoning=reckoning)


def _crew(
    options: SweepOptions, how: TrainOptions, store: SweepStore, say: Callable[[str], None]
) -> AbstractContextManager[Crew]:
    """Processes of this machine, or tasks of a cluster."""
    log = store.path / LOG
    if not options.ray_address:
        return working(places_here(options.workers, how.threads, how.device), log)
    needs = ClusterNeeds(
        address=options.ray_address,
        number=options.workers,
        threads=how.threads or 1,
        device=how.device,
        mark=store.mark(),
    )
    return on_cluster(needs, log, say)
