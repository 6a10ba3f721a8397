"""Kills −9 at random moments of trainers that are forks of one process with everything imported."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from optimoe.core.run import RunSpec, load_run_records
from optimoe.core.run.spec import run_table
from optimoe.trainer.results.folder import load_metrics
from tests.trainer.world import QUIET

SERVER = """
import json, os, sys
import torch._dynamo
from pathlib import Path
from optimoe.core.run.spec import run_from_table
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.train import train
from tests.trainer.world import QUIET

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            corpora = [Corpus(Path(job["corpus"]))]
            train(run_from_table(job["run"], "run"), Path(job["folder"]), corpora, QUIET)
            code = 0
        finally:
            os._exit(code)
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Trainers:
    """Processes that train a run, one at a time."""

    def __init__(self, server, corpus):
        self._server, self._corpus = server, corpus

    def train(self, run: RunSpec, folder, kill=lambda: None) -> int:
        """Train to the end, or until ``kill`` returns True; returns the exit status, −9 of one that was killed."""
        job = {"run": run_table(run), "folder": str(folder), "corpus": str(self._corpus.folder)}
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        if kill():
            os.kill(child, signal.SIGKILL)  # until it is waited for, its number is no other's
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


@contextmanager
def trainers(corpus):
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield Trainers(server, corpus)
        server.stdin.close()


def newest_step(folder):
    return max((int(path.name[5:]) for path in (folder / "checkpoints").glob("step-*")), default=0)


def steps_of(folder):
    """Steps of which there are metrics, each once."""
    lines = load_metrics(folder) if (folder / "metrics.jsonl").exists() else []
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    return lines


def train_through_kills(process, run, folder, kills, seed=0):
    """Train to the end through kills, after each of which at most the steps since a checkpoint are lost.

    Returns:
        The checkpoint that each kill left, and the record.
    """
    chance, found, lines = random.Random(seed), [], []

    def moment():
        target, until = len(lines) + chance.randint(-2, 9), time.monotonic() + 60
        while len(steps_of(folder)) < min(target, run.steps) and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        return True

    for _ in range(kills):
        assert process.train(run, folder, moment) in (-signal.SIGKILL, 0)
        saved, before, lines = newest_step(folder), lines, steps_of(folder)
        assert all(one["loss"] == other["loss"] for one, other in zip(before, lines, strict=False))
        assert saved <= len(lines) <= saved + QUIET.checkpoint_steps
        found.append(saved)
    assert found == sorted(found)
    assert process.train(run, folder) == 0
    assert len(steps_of(folder)) == run.steps
    (record,) = load_run_records(folder / "record.jsonl").records
    return found, record
