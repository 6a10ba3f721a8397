"""A sweep on a cluster of three machines, one of which is lost, and workers of which are killed."""

import contextlib
import os
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest

from optimoe.core.errors import InputError
from optimoe.core.run import DataMix, DataSource, save_runs
from optimoe.trainer.sweep.cluster import on_cluster
from tests.trainer.kills import newest_step
from tests.trainer.sweeps import require_once, wait_for
from tests.trainer.world import corpus_at, make_run

CLUSTER = """
import sys
from pathlib import Path
from ray.cluster_utils import Cluster
from optimoe.core.run import load_runs
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.sweep.loop import SweepOptions
from optimoe.trainer.sweep.sweep import sweep
from tests.trainer.world import QUIET

runs, out = Path(sys.argv[1]), Path(sys.argv[2])
head = {"num_cpus": 1, "object_store_memory": 80_000_000}
cluster = Cluster(initialize_head=True, head_node_args=head)
nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
cluster.wait_for_nodes()
lost = []

def look(board):
    if board.over >= 1 and not lost:
        lost.append(cluster.remove_node(nodes[0], allow_graceful=False))
        print("a machine is lost", flush=True)

options = SweepOptions(ray_address=cluster.address, retries=9)
sweep(load_runs(runs), out, options, QUIET, Preparation(folder=out / "data"), look=look, say=print)
cluster.shutdown()
"""

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed (pip install 'optimoe[ray]')"
)


@needs_ray
def test_what_a_lost_machine_and_killed_workers_did_is_done_elsewhere_once(tmp_path):
    corpus = corpus_at(tmp_path / "text")
    data = DataMix(sources=(DataSource(name=str(corpus.folder)),), tokenizer="bytes")
    runs = [make_run(60, name=f"r{seed}", seed=seed, data=data) for seed in range(8)]
    save_runs(tmp_path / "runs.toml", runs)
    words = [sys.executable, "-u", "-c", CLUSTER, str(tmp_path / "runs.toml"), str(tmp_path / "store")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for run in runs[5:7]:
                wait_for(lambda run=run: newest_step(tmp_path / "store" / run.name) >= 4, seconds=150)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int((tmp_path / "store" / run.name / ".lock").read_text()), signal.SIGKILL)
            said = process.communicate(timeout=200)[0]
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert "a machine is lost" in said and "lost by Ray" in said
    require_once(tmp_path / "store", runs)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_option_says_what_to_install(tmp_path):
    with (
        pytest.raises(InputError, match=r"--ray-address: needs ray \(pip install 'optimoe\[ray\]'\)"),
        on_cluster("auto", 0, 0, "cpu", tmp_path / "log"),
    ):
        pass
