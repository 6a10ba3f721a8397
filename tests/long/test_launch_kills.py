"""A rank of a Slurm job that is killed: all begin anew from the last checkpoint."""

import os
import signal
import time
from pathlib import Path

from optimoe.core.run import load_run_records
from optimoe.trainer.results.folder import load_metrics
from tests.trainer.test_launch import PATIENCE, STEPS, job

__all__ = ["job"]  # a fixture


def ranks_in(folder):
    """Process of each rank that was started there."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder and b"optimoe" in (process / "cmdline").read_bytes():
                names = dict(one.split(b"=", 1) for one in (process / "environ").read_bytes().split(b"\0") if one)
                if b"RANK" in names and b"distributed.run" not in (process / "cmdline").read_bytes():
                    found[int(names[b"RANK"])] = int(process.name)
        except (OSError, ValueError):
            pass  # it has ended
    return found


def test_a_slurm_job_begins_anew_from_its_last_checkpoint_where_a_rank_is_killed(job, tmp_path):
    """Through PyTorch's own rendezvous of two machines."""
    until, run = time.monotonic() + PATIENCE, tmp_path / "runs/run"
    while not list(run.glob("checkpoints/step-*")):
        assert job.poll() is None and time.monotonic() < until, job.communicate()
        time.sleep(0.02)
    os.kill(ranks_in(tmp_path)[1], signal.SIGKILL)
    said, errors = job.communicate(timeout=2 * PATIENCE)
    assert job.returncode == 0, errors
    assert "finished" in said and "goes on from step" in errors
    assert "terminate called" not in errors  # the rank that is left ends by its own line
    (record,) = load_run_records(run / "record.jsonl").records
    assert record.status == "finished" and "2 ranks" in record.device
    assert [line["step"] for line in load_metrics(run)] == list(range(1, STEPS + 1))
