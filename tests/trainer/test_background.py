"""Checkpoints that are written while training goes on: the same ones, whole or not there."""

import errno
import os
import signal
import threading
from dataclasses import replace

import pytest
import torch

from optimoe.core.errors import InputError
from optimoe.core.run import RunLayout
from optimoe.trainer.checkpoints import folder as checkpoints
from optimoe.trainer.checkpoints import state
from optimoe.trainer.results.trained import load_run
from optimoe.trainer.train import train
from tests.trainer.world import OWN, QUIET, corpus_at, make_run, state_of, under_torchrun

BACKGROUND = replace(QUIET, background_checkpoints=True, evaluations=0, keep=9)
RUN = make_run(architecture=OWN)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """The folder of a run that waited for its checkpoints."""
    folder = tmp_path_factory.mktemp("waited") / "run"
    train(RUN, folder, [corpus], replace(BACKGROUND, background_checkpoints=False))
    return folder


def assert_same(folder, whole, name):
    one, other = (state_of(each, RUN, name) for each in (folder, whole))
    assert all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


def test_training_goes_on_while_the_checkpoint_of_a_step_is_written_with_the_numbers_of_that_step(
    corpus, whole, tmp_path, monkeypatch
):
    write, go_on, seen = state._write_progress, threading.Event(), []

    def wait(path, progress):
        assert go_on.wait(timeout=60)
        write(path, progress)

    def watch(report):
        seen.append([path.name for path in (tmp_path / "run/checkpoints").glob("step-*")])
        if report.step == 7:
            go_on.set()

    monkeypatch.setattr(state, "_write_progress", wait)
    train(RUN, tmp_path / "run", [corpus], BACKGROUND, watch)
    assert seen[:7] == [[]] * 7 and "step-00000004" in seen[8]  # one at a time: the next waits for it
    for name in ("step-00000004", "step-00000008", "step-00000012"):
        assert not checkpoints.what_is_wrong(tmp_path / "run/checkpoints" / name)
        assert_same(tmp_path / "run", whole, name)


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before_as_the_last_good_one(corpus, whole, tmp_path):
    def die(path):
        if path.name == "step-00000008":
            os.kill(os.getpid(), signal.SIGKILL)
        write(path)

    def killed(rank):
        checkpoints._write_manifest = die
        train(RUN, tmp_path / "run", [corpus], BACKGROUND)

    write, folder = checkpoints._write_manifest, tmp_path / "run/checkpoints"
    assert under_torchrun(killed, tmp_path, 1) == [(None, None, -signal.SIGKILL)]
    half, last = sorted(path.name for path in folder.iterdir())
    assert half.startswith(".writing-") and last == "step-00000004"
    said = []
    train(RUN, tmp_path / "run", [corpus], BACKGROUND, say=said.append)
    assert said[0] == "goes on from step 4"
    assert_same(tmp_path / "run", whole, "step-00000012")


def test_a_disk_that_fills_ends_the_run_in_one_line_before_the_next_checkpoint(corpus, tmp_path, monkeypatch):
    steps, real = [], checkpoints._write_manifest

    def full(path):
        if path.name == "step-00000004":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path)

    monkeypatch.setattr(checkpoints, "_write_manifest", full)
    words = r"step-00000004: cannot be written \(No space left on device\)$"
    with pytest.raises(InputError, match=words):
        train(RUN, tmp_path / "run", [corpus], BACKGROUND, lambda report: steps.append(report.step))
    assert steps[-1] < 12 and list((tmp_path / "run/checkpoints").iterdir()) == []


def test_ranks_write_in_the_background_what_one_process_reads(corpus, tmp_path):
    run = make_run(layout=RunLayout(dp=2, ep=2, zero=3, micro_batch=3))
    how = replace(BACKGROUND, checkpoint_steps=2)
    ended = under_torchrun(lambda _: train(run, tmp_path / "run", [corpus], how).status, tmp_path)
    assert ended == [("finished", None, 0)] * 2
    alone = train(run, tmp_path / "one", [corpus], BACKGROUND)
    assert alone.status == "finished"
    one, two = (load_run(tmp_path / name).model.state_dict() for name in ("one", "run"))
    assert all(torch.allclose(one[name], two[name], atol=1e-4) for name in one)
