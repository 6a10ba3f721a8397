"""A sweep whose workers and whose own process are killed many times does every run once; see ``OPTIMOE_KILLS``."""

import contextlib
import os
import random
import signal
import time

from optimoe.core.run import DataMix, DataSource, save_runs
from tests.trainer.sweeps import begun, children_of, require_once
from tests.trainer.world import corpus_at, make_run

KILLS = int(os.environ.get("OPTIMOE_KILLS", "25"))


def test_a_sweep_survives_many_kills(tmp_path):
    corpus = corpus_at(tmp_path / "text")
    data = DataMix(sources=(DataSource(name=str(corpus.folder)),), tokenizer="bytes")
    runs = [make_run(60, name=f"r{seed}", seed=seed, data=data) for seed in range(max(4, KILLS))]
    save_runs(tmp_path / "runs.toml", runs)
    out, chance, killed = tmp_path / "store", random.Random(KILLS), 0
    while killed < KILLS:
        with begun(tmp_path / "runs.toml", out, tmp_path / "data", retries=10 * KILLS) as process:
            for _ in range(chance.randint(1, 8)):
                time.sleep(chance.uniform(0.5, 4.0))
                workers = children_of(process)
                if workers and process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(chance.choice(workers), signal.SIGKILL)
                        killed += 1
            if process.poll() is not None:
                break
            process.kill()
            killed += 1
            process.communicate()
    with begun(tmp_path / "runs.toml", out, tmp_path / "data", retries=10 * KILLS) as process:
        process.communicate(timeout=3600)
    require_once(out, runs)
    print(f"{killed} kills of {len(runs)} runs")
    assert killed >= min(KILLS, 10)
