"""Launchers as people use them: a Slurm job of several machines."""

import os
import signal
import socket
import subprocess
import sys
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

STEPS = 24

PATIENCE = 300
"""Seconds: a start of two ranks takes ten on an idle machine of two cores."""


def free_port():
    """Between 20,000 and 29,999, where the script takes the one of its job."""
    for port in range(20_000 + os.getpid() % 9_000, 30_000):
        with socket.socket() as tried:
            if tried.connect_ex(("localhost", port)):
                return port
    raise AssertionError("no port is free")


@pytest.fixture
def job(tmp_path):
    """The script's own body, as it runs on the first of two machines."""
    write_text(tmp_path / "text")
    save_runs(tmp_path / "runs.toml", [make_run(steps=STEPS, name="run")])
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


def test_a_slurm_job_trains_over_two_machines_that_find_each_other_at_the_first(job, tmp_path):
    """Through PyTorch's own rendezvous of two machines. ``tests/long`` kills a rank of it."""
    said, errors = job.communicate(timeout=PATIENCE)
    assert job.returncode == 0, errors
    assert (tmp_path / "asked").read_text() == "show hostnames two\n"
    assert "finished" in said
    (record,) = load_run_records(tmp_path / "runs/run/record.jsonl").records
    assert record.status == "finished" and "2 ranks" in record.device
    assert [line["step"] for line in load_metrics(tmp_path / "runs/run")] == list(range(1, STEPS + 1))
