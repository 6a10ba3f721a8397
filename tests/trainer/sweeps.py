"""Sweeps in processes of their own, which tests kill."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from optimoe.core.run import append_run_record, load_run_records
from optimoe.trainer.results.folder import is_taken
from optimoe.trainer.sweep.store import SweepStore
from tests.core.run.cases import record
from tests.trainer.clusters import GIVEN_UP_S
from tests.trainer.world import make_run

SWEEP = """
import sys
from pathlib import Path
from optimoe.core.run import load_runs
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.sweep.loop import SweepOptions
from optimoe.trainer.sweep.sweep import sweep
from tests.trainer.world import QUIET

runs, out, data, retries, address = *map(Path, sys.argv[1:4]), int(sys.argv[4]), sys.argv[5]
options = SweepOptions(workers=0 if address else 2, retries=retries, ray_address=address)
sweep(load_runs(runs), out, options, QUIET, Preparation(folder=data, held_out_share=0.1), say=print)
"""


@contextmanager
def begun(runs, out, data, retries=2, address=""):
    """A sweep of the runs of a file, with two workers or on a cluster, and what it says."""
    words = [sys.executable, "-u", "-c", SWEEP, str(runs), str(out), str(data), str(retries), address]
    environment = os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": str(GIVEN_UP_S)}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def children_of(process):
    """Workers of a sweep that are alive."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(one) for one in found.read_text().split()] if found.exists() else []


def num_over(out):
    """Runs of a store that are over."""
    return len(load_run_records(out / "records.jsonl").records) if (out / "records.jsonl").exists() else 0


def trainers_of(out):
    """Processes that train a run of a store at this moment."""
    taken = [path for path in out.glob("*/.lock") if is_taken(path.parent)]
    return [int(path.read_text()) for path in taken if path.read_text().strip()]


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def require_once(out, runs):
    """Every run is over, has one record, and every step that it did one line."""
    for run in runs:
        lines = (out / run.name / "metrics.jsonl").read_text().splitlines()
        steps = [json.loads(line)["step"] for line in lines]
        assert steps == list(range(steps[0], run.steps + 1))
    records = load_run_records(out / "records.jsonl").records
    assert sorted(record.run.name for record in records) == sorted(run.name for run in runs)
    assert {state.state for state in SweepStore(out).states()} == {"finished"}
    return {record.run.name: record for record in records}


def save_store(path):
    """A store whose runs are over: two budgets, two seeds; e4 is 0.05 nats better than e1 and half as fast."""
    made = SweepStore(path)
    for e in (1, 4):
        for steps, base in ((10, 3.0), (20, 2.5)):
            for seed in (0, 1):
                run = make_run(steps, name=f"e{e}-{steps}-s{seed}", seed=seed, init_std=0.02 * e)
                made.add([run])
                numbers = {
                    "loss": base - 0.05 * (e == 4) + 0.01 * seed,
                    "train_flops": 1e15 * steps,
                    "seconds": 10.0 * (1 + (e == 4)),
                    "tokens_seen": run.tokens,
                }
                append_run_record(made.records_file, record(run=run, run_id="", **numbers))
    return made
