"""A sweep does what is missing, shares it, survives kills, and says beforehand what it takes."""

import json
import signal
from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError, InfeasibleError, InputError
from optimoe.core.run import DataMix, DataSource, load_run_records, save_runs
from optimoe.trainer.corpus.prepared import Preparation
from optimoe.trainer.results.folder import open_run
from optimoe.trainer.sweep.loop import SweepOptions
from optimoe.trainer.sweep.pace import Pace, estimate, work_left
from optimoe.trainer.sweep.store import SweepStore
from optimoe.trainer.sweep.sweep import sweep
from optimoe.trainer.train import train
from tests.trainer.kills import newest_step
from tests.trainer.sweeps import begun, children_of, kill, require_once, trainers_of, wait_for
from tests.trainer.world import QUIET, corpus_at, make_run

TWO = SweepOptions(workers=2, usd_per_hour=3600.0)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("text"))


@pytest.fixture
def runs(corpus):
    """Two seeds, each at two lengths that share their first steps, and one that cannot be."""
    data = DataMix(sources=(DataSource(name=str(corpus.folder)),), tokenizer="bytes")
    return [
        make_run(steps, name=f"s{seed}-{steps}", seed=seed, data=data) for seed in (0, 1) for steps in (10, 20)
    ]


def swept(runs, out, **given):
    return sweep(runs, out, given.pop("options", TWO), QUIET, Preparation(folder=out / "data"), **given)


def test_a_sweep_does_every_run_once_as_training_does_it_and_shares_first_steps(tmp_path, runs, corpus):
    asked, boards = [], []
    wild = make_run(5, name="wild", data=runs[0].data, init_std=1e30)
    short = make_run(5, name="short", seed=2, data=runs[0].data)
    with open_run(tmp_path / "short", runs[0], 1) as others:
        others.log({"step": 1})
    everything = [*runs, wild, short]
    found = swept(everything, tmp_path, confirm=lambda one: asked.append(one) or True, look=boards.append)
    states = {state.run.name: state for state in found.states}
    assert [states[name].state for name in ("s0-10", "s1-20", "wild", "short")] == (
        ["finished", "finished", "diverged", "failed"]
    )
    assert "short: must be empty, or of the run" in states["short"].failure.line
    (record,) = [one for one in load_run_records(tmp_path / "records.jsonl").records if one.run.name == "s1-20"]
    whole = train(record.run, tmp_path / "alone", [corpus], QUIET)
    assert (record.loss, record.router) == (whole.loss, whole.router)
    steps = [json.loads(line)["step"] for line in (tmp_path / "s1-20/metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(9, 21))  # it began with a checkpoint of the shorter one
    assert newest_step(tmp_path / "s1-10") == 10 and len(list((tmp_path / "s1-10/checkpoints").iterdir())) == 1
    (before,) = asked
    assert before.num_runs == 6 and before.usd == pytest.approx(before.seconds) and before.seconds > 0
    assert before.flops < sum(one.train_flops for one in load_run_records(tmp_path / "records.jsonl").records)
    assert (boards[-1].total, boards[-1].over, boards[-1].failed) == (6, 5, 1)
    assert found.reckoning.before == before
    again = swept(everything, tmp_path, confirm=asked.append)
    assert len(asked) == 1 and again.reckoning is None and again.states == found.states
    assert SweepStore(tmp_path).try_again() == ("short",)


def test_a_run_of_another_content_under_a_known_name_is_refused(tmp_path, runs):
    store = SweepStore(tmp_path)
    store.add(runs[:1])
    store.add(runs)
    assert store.runs() == tuple(runs)
    with pytest.raises(ConfigError, match="s0-10: must be s0-10, as it was when it was begun here, got"):
        store.add([make_run(11, name="s0-10")])
    with pytest.raises(InputError, match="must be the folder of a sweep, holds no"):
        SweepStore(tmp_path / "none").runs()


def test_a_sweep_that_is_not_confirmed_does_nothing(tmp_path, runs):
    with pytest.raises(InfeasibleError, match="not confirmed"):
        swept(runs[:1], tmp_path, confirm=lambda _: False, options=SweepOptions(workers=1))
    assert [state.state for state in SweepStore(tmp_path).states()] == ["waiting"]
    assert not list(tmp_path.glob(".rehearsal*"))


def test_a_worker_that_is_killed_is_replaced_and_its_run_goes_on_from_its_checkpoint(tmp_path, runs):
    long = [make_run(400, name="long", data=runs[0].data), *runs]
    save_runs(tmp_path / "runs.toml", long)
    out = tmp_path / "store"
    with begun(tmp_path / "runs.toml", out, tmp_path / "data", retries=1) as process:
        for step in (40, 120):  # twice, at another place each time
            wait_for(lambda step=step: newest_step(out / "long") >= step)
            assert kill(int((out / "long/.lock").read_text()))
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert said.count("long: its worker was killed by SIGKILL; tried again (1 of 1)") == 2
    require_once(out, long)
    assert "goes on from step" in (out / "workers.log").read_text()


def test_a_run_whose_worker_dies_too_often_is_given_up_and_may_be_tried_again(tmp_path, runs):
    save_runs(tmp_path / "runs.toml", [make_run(4000, name="long", data=runs[0].data)])
    out = tmp_path / "store"
    with begun(tmp_path / "runs.toml", out, tmp_path / "data", retries=0) as process:
        wait_for(lambda: newest_step(out / "long") >= 4)
        assert kill(int((out / "long/.lock").read_text()))
        said = process.communicate(timeout=60)[0]
    store = SweepStore(out)
    (state,) = store.states()
    assert state.state == "failed" and state.failure.line == "its worker was killed by SIGKILL"
    assert "long: given up after 1 tries" in said
    assert store.try_again() == ("long",) and store.states()[0].state == "begun"


def test_a_sweep_that_is_ended_leaves_checkpoints_and_goes_on_with_nothing_twice(tmp_path, runs):
    long = [make_run(60, name=f"long-{seed}", seed=seed, data=runs[0].data) for seed in range(2)]
    save_runs(tmp_path / "runs.toml", [*long, *runs])
    out = tmp_path / "store"
    with begun(tmp_path / "runs.toml", out, tmp_path / "data") as process:
        wait_for(lambda: newest_step(out / "long-0") >= 8)
        workers = children_of(process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143 and len(workers) == 2
    wait_for(lambda: not any(alive(pid) for pid in workers))
    saved = newest_step(out / "long-0")
    assert 8 <= saved < 60 and (out / "long-0/record.jsonl").exists()
    with begun(tmp_path / "runs.toml", out, tmp_path / "data") as process:
        process.communicate(timeout=120)
    require_once(out, [*long, *runs])


def test_two_sweeps_on_one_store_share_its_runs_and_where_one_is_killed_the_other_does_its(tmp_path, runs):
    many = [make_run(150, name=f"s{seed}", seed=seed, data=runs[0].data) for seed in range(6)]
    save_runs(tmp_path / "runs.toml", many)
    out = tmp_path / "store"
    with (
        begun(tmp_path / "runs.toml", out, tmp_path / "data") as one,
        begun(tmp_path / "runs.toml", out, tmp_path / "data") as other,
    ):
        wait_for(lambda: not set(trainers_of(out)).isdisjoint(children_of(one)))
        workers = children_of(one)
        one.send_signal(signal.SIGKILL)
        said = other.communicate(timeout=120)[0]
    assert (one.wait(), other.returncode) == (-9, 0), said
    wait_for(lambda: not any(alive(pid) for pid in workers))
    require_once(out, many)


def test_a_run_that_another_process_trains_is_seen_as_running(tmp_path, runs):
    store = SweepStore(tmp_path)
    store.add(runs[:1])
    with open_run(tmp_path / runs[0].name, runs[0], 1):
        assert [state.state for state in store.states()] == ["running"]
    assert [state.state for state in store.states()] == ["waiting"]


def test_an_estimate_is_flops_over_measured_rates_and_runs_correct_it():
    runs = [make_run(1000, name=str(number), seed=number) for number in range(4)]
    works = [work_left(run, 0, evaluations=4, eval_tokens=3000) for run in runs]
    pace = Pace()
    assert pace.unknown(works) == works[-1:]
    pace.learn(works[0].shape, works[0].flops_per_token, 1e4)
    alone = 1.0 + (128_000 + 5 * 3000 / 3) / 1e4
    assert not pace.unknown(works) and pace.seconds(works[0]) == pytest.approx(alone)
    assert estimate(pace, works, 2, 7200.0).seconds == pytest.approx(2 * alone)
    assert estimate(pace, works, 2, 7200.0).usd == pytest.approx(4 * alone)
    assert estimate(pace, works[:1], 8, 0.0).seconds == pytest.approx(alone)  # no less than the longest
    pace.correct(works[0], 2 * alone)
    assert pace.seconds(works[1]) == pytest.approx(2 * alone)
    half = work_left(runs[0], 500, evaluations=4, eval_tokens=3000)
    assert half.flops == works[0].flops / 2 and half.eval_tokens == 6000


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
