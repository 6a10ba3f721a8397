"""A sweep whose workers, machines, head and own process are killed many times does every run once.

``OPTIMOE_KILLS`` says how many times in all: half on one machine, half on a cluster of three.
"""

import os
import random
import signal
import time
from collections import Counter

from optimoe.core.run import DataMix, DataSource, load_run_records, save_runs
from tests.trainer.clusters import local_cluster, needs_ray
from tests.trainer.kills import newest_step
from tests.trainer.sweeps import begun, kill, num_over, require_once, trainers_of, wait_for
from tests.trainer.world import corpus_at, make_run

KILLS = int(os.environ.get("OPTIMOE_KILLS", "200"))
WAITING_RUNS = 20
"""So many runs at least are waiting where a sweep begins."""
TOLD = 10
"""Kills between two lines about them."""


class KilledSweep:
    """A sweep in a folder, what is done to it, and what came of that.

    Args:
        folder: Its own.
        chances: How often each thing is killed.
        tell: Is told how far it is.
        cluster: Whose machines do the runs, or none.
    """

    def __init__(self, folder, chances, tell, cluster=None):
        self.folder, self.out, self.chances, self.tell, self.cluster = (
            folder,
            folder / "store",
            chances,
            tell,
            cluster,
        )
        data = DataMix(sources=(DataSource(name=str(corpus_at(folder / "text").folder)),), tokenizer="bytes")
        self.fields, self.runs, self.killed = {"data": data}, [], Counter()
        self.chance, self.began = random.Random(0), time.monotonic()

    def survive(self, number):
        """Kill so many times, beginning the sweep again where it ends, and let it come to its end."""
        while self.killed.total() < number:
            with self._begun() as process:
                while process.poll() is None and self.killed.total() < number:
                    self._kill(process)
        with self._begun() as process:
            said = process.communicate(timeout=3600)[0]
        assert process.returncode == 0, said
        self.tell(self.figures())
        require_once(self.out, self.runs)

    def figures(self):
        """Kills, runs, minutes, runs of which there are two records and of which there is none."""
        names = [record.run.name for record in load_run_records(self.out / "records.jsonl").records]
        each = ", ".join(f"{number} {what}s" for what, number in sorted(self.killed.items()))
        return (
            f"{self.killed.total()} kills ({each}), {len(self.runs)} runs, {self._minutes():.1f} min, "
            f"{len(names) - len(set(names))} duplicates, {len({run.name for run in self.runs} - set(names))} lost"
        )

    def _begun(self):
        more = WAITING_RUNS - (len(self.runs) - num_over(self.out))
        first = len(self.runs)
        self.runs += [make_run(40, name=f"r{at}", seed=at, **self.fields) for at in range(first, first + more)]
        save_runs(self.folder / "runs.toml", self.runs)
        address = self.cluster.address if self.cluster else ""
        return begun(self.folder / "runs.toml", self.out, self.folder / "data", retries=10**6, address=address)

    def _kill(self, process):
        """Kill something, a moment after a run has begun or goes on."""
        wait_for(lambda: trainers_of(self.out) or process.poll() is not None, seconds=600)
        time.sleep(self.chance.uniform(0, 0.5))
        (what,) = self.chance.choices(list(self.chances), list(self.chances.values()))
        trainers = trainers_of(self.out)
        if what == "worker":
            if not trainers or not kill(self.chance.choice(trainers)):
                return
        elif what == "sweep":
            process.kill()
            process.communicate()
        else:
            self.cluster.lose(what)
            self.cluster.join()
        self.killed[what] += 1
        if self.killed.total() % TOLD == 0:
            over = f"{num_over(self.out)} of {len(self.runs)} runs over"
            self.tell(f"{self.killed.total()} kills, {over}, {self._minutes():.1f} min")

    def _minutes(self):
        return (time.monotonic() - self.began) / 60


def teller(capsys):
    def tell(line):
        with capsys.disabled():
            print(f"\n{line}", end="", flush=True)

    return tell


def test_a_sweep_survives_many_kills(tmp_path, capsys):
    killed = KilledSweep(tmp_path, {"worker": 9, "sweep": 1}, teller(capsys))
    killed.survive(KILLS - KILLS // 2)


@needs_ray
def test_a_sweep_on_a_cluster_survives_many_kills(tmp_path, capsys):
    chances = {"worker": 85, "machine": 6, "head": 4, "sweep": 5}
    with local_cluster() as cluster:
        killed = KilledSweep(tmp_path, chances, teller(capsys), cluster)
        killed.survive(KILLS // 2)


@needs_ray
def test_a_sweep_on_a_cluster_that_is_asked_to_stop_saves_where_it_is(tmp_path):
    data = DataMix(sources=(DataSource(name=str(corpus_at(tmp_path / "text").folder)),), tokenizer="bytes")
    save_runs(tmp_path / "runs.toml", [make_run(4000, name="long", data=data)])
    out = tmp_path / "store"
    with (
        local_cluster() as cluster,
        begun(tmp_path / "runs.toml", out, tmp_path / "data", address=cluster.address) as process,
    ):
        wait_for(lambda: newest_step(out / "long") >= 8, seconds=600)
        process.terminate()
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 128 + signal.SIGTERM, said
    (record,) = load_run_records(out / "long/record.jsonl").records
    assert record.status == "stopped" and record.tokens_seen == 128 * newest_step(out / "long")
