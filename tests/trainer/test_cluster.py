"""A sweep on a cluster that loses workers, machines and its head does every run once."""

import random
import socket
import sys
import time
from importlib.util import find_spec

import pytest

from optimoe.core.errors import InputError
from optimoe.core.run import DataMix, DataSource, save_runs
from optimoe.trainer.options import TrainOptions
from optimoe.trainer.sweep.cluster import crew as crew_module
from optimoe.trainer.sweep.cluster.crew import ClusterCrew, ClusterNeeds, on_cluster
from optimoe.trainer.sweep.cluster.driver import room, silence
from optimoe.trainer.sweep.cluster.task import task
from optimoe.trainer.sweep.jobs import Job
from optimoe.trainer.sweep.store import SweepStore
from tests.trainer.clusters import local_cluster, members, needs_ray
from tests.trainer.sweeps import begun, kill, num_over, require_once, trainers_of, wait_for
from tests.trainer.world import corpus_at, make_run

NUM_RUNS = 40

DRIVER = """
import sys
from pathlib import Path

acts = Path(sys.argv[-1])  # stands in the place of the store's mark
number = len(list(acts.iterdir()))
(acts / str(number)).touch()
said = [line for line in SCRIPT[min(number, len(SCRIPT) - 1)]]
for line in said:
    if line == "order":
        sys.stdin.readline()
    elif line == "wait":
        sys.stdin.read()
    else:
        print(line, flush=True)
"""


def room_for(number):
    return f'{{"kind": "room", "number": {number}}}'


REFUSED = '{"kind": "refused", "line": "nobody answers"}'
OVER = '{"kind": "event", "number": 0, "line": "{\\"kind\\": \\"over\\"}"}'


@pytest.fixture
def crew_of(tmp_path, monkeypatch):
    """A crew whose driver does what is written: a list of lines for each time that it is started."""
    crews, log = [], (tmp_path / "log").open("wb")
    (tmp_path / "acts").mkdir()
    monkeypatch.setattr(crew_module, "AGAIN_S", 0.05)

    def made(*script, said=None, **needs):
        code = f"SCRIPT = {list(script)!r}\n{DRIVER}"
        monkeypatch.setattr(crew_module, "COMMAND", (sys.executable, "-c", code))
        wanted = ClusterNeeds(address="head:1", mark=str(tmp_path / "acts"), **needs)
        crews.append(ClusterCrew(wanted, log, (said if said is not None else []).append))
        return crews[-1]

    yield made
    for crew in crews:
        crew.stop()
    log.close()


def next_events(crew, seconds=20):
    until = time.monotonic() + seconds
    while not (found := crew.events(0.1)):
        assert time.monotonic() < until
    return found


def job_of(folder, **fields):
    return Job(run=make_run(), folder=folder / "small", corpora=(), how=TrainOptions(), **fields)


def test_what_was_done_on_a_cluster_that_is_gone_is_lost_and_the_next_one_that_answers_takes_its_place(
    crew_of, tmp_path
):
    said = []
    crew = crew_of([room_for(2), "order"], [REFUSED], [room_for(0), room_for(1), "order", OVER, "wait"], said=said)
    busy, idle = crew.seats
    assert busy.ready and idle.ready
    busy.take(job_of(tmp_path))
    ((seat, event),) = next_events(crew)
    assert (seat, event.kind) == (busy, "lost") and not idle.ready
    busy.job = None
    ((seat, event),) = next_events(crew)
    assert (seat.number, event.kind) == (0, "ready") and [one.number for one in crew.seats] == [0]
    seat.take(job_of(tmp_path))
    assert [event.kind for _, event in next_events(crew)] == ["over"]
    assert said == [
        "the cluster at head:1 is gone: waits for it, 600 s at most",
        "the cluster at head:1 answers again",
    ]
    assert len(list((tmp_path / "acts").iterdir())) == 3


def test_a_cluster_that_stays_away_ends_the_sweep_with_one_line(crew_of, monkeypatch):
    monkeypatch.setattr(crew_module, "AWAY_S", 0.5)
    crew = crew_of([room_for(1)], [REFUSED])
    with pytest.raises(InputError, match="head:1 has not answered for 0 s; what is over is kept, and the same"):
        next_events(crew)
        next_events(crew)


def test_a_driver_that_hangs_has_lost_its_cluster(crew_of, monkeypatch, tmp_path):
    crew = crew_of([room_for(1), "wait"])
    crew.seats[0].take(job_of(tmp_path))
    monkeypatch.setattr(crew_module, "SILENT_S", 0.2)
    assert [event.kind for _, event in next_events(crew)] == ["lost"]


@pytest.mark.parametrize(
    ("script", "needs", "message"),
    [
        ([REFUSED], {}, r"must be of a cluster that answers, got head:1 \(nobody answers\)"),
        ([], {}, r"must be of a cluster that answers, got head:1 \(.*log says why\)"),
        ([room_for(0)], {"threads": 8}, "must have a machine with 8 CPUs for a run, has none"),
        ([room_for(0)], {"device": "cuda"}, "must have a machine with 1 CPU and a GPU for a run, has none"),
    ],
)
def test_no_cluster_and_one_without_room_are_refused(crew_of, script, needs, message):
    with pytest.raises(InputError, match=f"--ray-address: {message}"):
        crew_of(script, **needs)


def test_seats_come_and_go_with_machines_and_those_that_are_taken_stay(crew_of, tmp_path):
    crew = crew_of([room_for(1), "order", room_for(3), "order", room_for(1), "wait"], number=2)
    (first,) = crew.seats
    first.take(job_of(tmp_path))
    assert [(seat.number, event.kind) for seat, event in next_events(crew)] == [
        (1, "ready")
    ]  # no more than asked for
    second = crew.seats[1]
    second.take(job_of(tmp_path))
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        assert not crew.events(0.1)
    assert crew.seats == [first, second]


def test_a_run_stays_on_one_machine():
    def node(alive=True, **has):
        return {"Alive": alive, "Resources": has}

    assert room([node(CPU=3.0), node(CPU=3.0), node(alive=False, CPU=8.0), node()], threads=2, gpu=False) == 2
    assert room([node(CPU=8.0, GPU=2.0), node(CPU=8.0)], threads=1, gpu=True) == 2
    assert room([node(CPU=7.0)] * 9, threads=8, gpu=False) == 0


def test_a_head_that_does_not_answer_is_noticed_at_once():
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{head.getsockname()[1]}"
        assert "refused" in silence(address)
        head.listen()
        assert not silence(address)
    assert silence("127.0.0.1:99999") and not silence("auto")


def test_a_machine_that_sees_another_store_does_nothing(tmp_path):
    store = SweepStore(tmp_path / "store")
    store.add([make_run()])
    other = SweepStore(tmp_path / "other")
    assert store.mark() and not other.mark()
    with pytest.raises(InputError, match="other: must be one folder on all machines, is another on"):
        task(job_of(other.path).line(), store.mark())
    assert not other.path.exists()


@needs_ray
def test_killed_workers_and_a_lost_machine_and_head_cost_no_run_and_do_none_twice(tmp_path):
    corpus = corpus_at(tmp_path / "text")
    data = DataMix(sources=(DataSource(name=str(corpus.folder)),), tokenizer="bytes")
    runs = [make_run(8, name=f"r{seed}", seed=seed, data=data) for seed in range(NUM_RUNS)]
    save_runs(tmp_path / "runs.toml", runs)
    out, chance, killed = tmp_path / "store", random.Random(0), 0
    with (
        local_cluster() as cluster,
        begun(tmp_path / "runs.toml", out, tmp_path / "data", retries=9, address=cluster.address) as process,
    ):
        for over, what in ((3, "worker"), (10, "machine"), (20, "head"), (28, "worker")):
            wait_for(lambda over=over: num_over(out) >= over or process.poll() is not None, seconds=600)
            if what != "worker":
                cluster.lose(what)
                if what == "head":
                    cluster.join()
                continue
            wait_for(lambda: trainers_of(out) or process.poll() is not None, seconds=300)
            killed += any(kill(pid) for pid in chance.sample(trainers_of(out), 1))
        said = process.communicate(timeout=600)[0]
    assert process.returncode == 0, said
    assert killed and "lost by Ray" in said and "is gone" in said and "answers again" in said
    require_once(out, runs)
    wait_for(lambda: not members(cluster.session))
    assert not cluster.folder.exists()


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_option_says_what_to_install(tmp_path):
    needs = ClusterNeeds(address="auto", mark="")
    with (
        pytest.raises(InputError, match=r"--ray-address: needs ray \(pip install 'optimoe\[ray\]'\)"),
        on_cluster(needs, tmp_path / "log", print),
    ):
        pass
