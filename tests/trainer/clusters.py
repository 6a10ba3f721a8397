"""A Ray cluster of three machines that are processes of this one, whose machines and head tests take away."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None, reason="Ray is not installed (pip install 'optimoe[ray]')"
)

GIVEN_UP_S = 5
"""After which processes of Ray believe that a head is gone; 60 by itself."""

CLUSTER = """
import os
import shutil
import signal
import sys

from ray.cluster_utils import Cluster
from tests.trainer.clusters import members

SMALL = {"num_cpus": 1, "object_store_memory": 80_000_000}
HEAD = SMALL | {"include_dashboard": False, "include_log_monitor": False} | {
    "temp_dir": sys.argv[1], "gcs_server_port": int(sys.argv[2])
}

def with_head():
    for _ in range(2):  # a busy machine may be too slow for the limits that Ray has
        try:
            return Cluster(initialize_head=True, head_node_args=HEAD)
        except Exception as error:
            print(error, file=sys.stderr)
            for pid in {*members(os.getpid())} - {os.getpid()}:
                os.kill(pid, signal.SIGKILL)
    return Cluster(initialize_head=True, head_node_args=HEAD)

cluster = with_head()
nodes, gone = [cluster.add_node(**SMALL) for _ in range(2)], []
print(cluster.address, flush=True)
for line in sys.stdin:
    if line == "machine\\n":
        cluster.remove_node(nodes.pop(0), allow_graceful=False)
    elif line == "head\\n":
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        gone, nodes = gone + nodes, []  # end by themselves, a while later, as those of a cluster do
        cluster = with_head()
    elif line == "join\\n":
        nodes.append(cluster.add_node(**SMALL))
    print("done", flush=True)
for node in gone:
    node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
cluster.shutdown()
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


class LocalCluster:
    """A cluster in a process of its own, which does what it is told."""

    def __init__(self, process, folder):
        self._process, self.session, self.folder = process, process.pid, folder
        self.address = self._said()

    def lose(self, what):
        """Kill a ``machine`` other than the head's; or the ``head``, in whose place another one comes."""
        self._do(what)

    def join(self):
        """Start another machine."""
        self._do("join")

    def _do(self, what):
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        assert self._said() == "done"

    def _said(self):
        said = self._process.stdout.readline().strip()
        assert said, (self.folder / "cluster.log").read_text(encoding="utf-8")
        return said


@contextmanager
def local_cluster():
    """Three machines with a CPU each; no process and no file of it is left, however the test ends."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # not pytest's: names of sockets are short
    environment = os.environ | {
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(GIVEN_UP_S),
        "RAY_raylet_start_wait_time_s": "120",  # a machine may be busy
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    words = [sys.executable, "-u", "-c", CLUSTER, str(folder), str(free_port())]
    with (folder / "cluster.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            start_new_session=True,
        )
    try:
        yield LocalCluster(process, folder)
    finally:
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        for pid in members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def free_port():
    """A port that nobody listens at, and none of those that connections get: another head must find it free."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("", port))
            return port


def members(session):
    """Processes of a session that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, *numbers = path.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(numbers[2]) == session and state != "Z":
                found.append(int(path.parent.name))
    return found
