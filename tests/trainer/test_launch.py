"""Launchers as people use them: a Slurm job of several machines, ranks that are killed and begun anew."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from optimoe.core.run import load_run_records, save_runs
from optimoe.trainer.results.folder import load_metrics
from tests.trainer.world import make_run, write_text

SLURM = Path(__file__).parents[2] / "examples/slurm-train.sh"
STAND_INS = {
    "scontrol": 'echo "$*" >> asked; printf "localhost\\nelsewhere\\n"',
    "srun": '"$@" & "$@" & wait -n && wait -n',
    "torchrun": f'exec {sys.executable} -m torch.distributed.run "$@"',
}
"""Of Slurm's commands: two machines that are this one. The third is what PyTorch installs under this name."""

PATIENCE = 300
"""Seconds: a start of two ranks takes ten on an idle machine of two cores."""


def free_port():
    """Between 20,000 and 29,999, where the script takes the one of its job."""
    for port in range(20_000 + os.getpid() % 9_000, 30_000):
        with socket.socket() as tried:
            if tried.connect_ex(("localhost", port)):
                return port
    raise AssertionError("no port is free")


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


@pytest.fixture
def job(tmp_path):
    """The script's own body, as it runs on the first of two machines."""
    write_text(tmp_path / "text")
    save_runs(tmp_path / "runs.toml", [make_run(steps=24, name="run")])
    (tmp_path / "bin").mkdir()
    for name, body in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    slurm = {"JOB_ID": free_port(), "JOB_NODELIST": "two", "NNODES": 2, "GPUS_ON_NODE": 1, "CPUS_PER_TASK": 1}
    environ = os.environ | {f"SLURM_{name}": str(value) for name, value in slurm.items()}
    environ["PATH"] = f"{tmp_path / 'bin'}:{environ['PATH']}"
    words = ("--data", "text", "--held-out", "0.1", "--eval-tokens", "500", "--evaluations", "1")
    command = ("bash", SLURM, "runs.toml", *words, "--device", "cpu", "--checkpoint-steps", "4")
    pipes = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, start_new_session=True, **pipes) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def test_a_slurm_job_trains_and_begins_anew_from_its_last_checkpoint_where_a_rank_is_killed(job, tmp_path):
    """Through PyTorch's own rendezvous of two machines."""
    until, run = time.monotonic() + PATIENCE, tmp_path / "runs/run"
    while not list(run.glob("checkpoints/step-*")):
        assert job.poll() is None and time.monotonic() < until, job.communicate()
        time.sleep(0.02)
    os.kill(ranks_in(tmp_path)[1], signal.SIGKILL)
    said, errors = job.communicate(timeout=PATIENCE)
    assert job.returncode == 0, errors
    assert (tmp_path / "asked").read_text() == "show hostnames two\n"
    assert "finished" in said and "goes on from step" in errors
    assert "terminate called" not in errors  # the rank that is left ends by its own line
    (record,) = load_run_records(run / "record.jsonl").records
    assert record.status == "finished" and "2 ranks" in record.device
    assert [line["step"] for line in load_metrics(run)] == list(range(1, 25))
