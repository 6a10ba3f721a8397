"""A run loses at most the steps since its last checkpoint, and says in one line what went wrong."""

import errno
import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from optimoe.core.errors import InputError
from optimoe.core.run import load_run_records
from optimoe.models.experts.kernels import KERNELS
from optimoe.trainer.checkpoints import folder as checkpoints
from optimoe.trainer.checkpoints import room, state
from optimoe.trainer.corpus.store import Corpus
from optimoe.trainer.results.folder import load_metrics
from optimoe.trainer.steps.step import DivergedError
from optimoe.trainer.train import train
from tests.trainer.kills import train_through_kills, trainers
from tests.trainer.world import OWN, QUIET, Stop, corpus_at, make_run, state_of, stopped_after

KILLS = 6


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("corpus"))


def test_a_run_that_is_killed_at_random_moments_ends_with_the_bits_of_one_that_is_not(corpus, tmp_path):
    run = make_run(steps=48, architecture=OWN)
    with trainers(corpus) as process:
        assert process.train(run, tmp_path / "whole") == 0
        found, record = train_through_kills(process, run, tmp_path / "killed", KILLS)
    assert len(set(found)) > 2, "every kill came before the first checkpoint or after the end: nothing was tried"
    (whole,) = load_run_records(tmp_path / "whole/record.jsonl").records
    for name in ("loss", "bits_per_byte", "router", "tokens_seen", "train_flops", "model", "corpora"):
        assert getattr(record, name) == getattr(whole, name), name
    assert [(p.tokens, p.loss) for p in record.curve] == [(p.tokens, p.loss) for p in whole.curve]
    pairs = zip(state_of(tmp_path / "killed", run), state_of(tmp_path / "whole", run), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FULL = {
    "weights": (state, "_write_tensors"),
    "progress": (state, "_write_progress"),
    "manifest": (checkpoints, "_write_manifest"),
    "name": (Path, "rename"),
}


@pytest.mark.parametrize("place", FULL)
def test_a_full_disk_ends_a_run_in_one_line_and_leaves_the_checkpoint_before(corpus, tmp_path, monkeypatch, place):
    run, folder = make_run(), tmp_path / "run"
    with pytest.raises(Stop):
        train(run, folder, [corpus], QUIET, watch=stopped_after(5))
    with monkeypatch.context() as patched:
        patched.setattr(*FULL[place], full_disk)
        with pytest.raises(
            InputError, match=r"step-00000008: cannot be written \(No space left on device\)$"
        ) as end:
            train(run, folder, [corpus], QUIET)
    assert end.value.exit_code == 2
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-00000004"]
    assert not checkpoints.what_is_wrong(folder / "checkpoints/step-00000004")
    assert train(run, folder, [corpus], QUIET).status == "finished"
    assert [line["step"] for line in load_metrics(folder)] == list(range(1, 13))


def test_a_disk_that_cannot_hold_the_checkpoints_is_refused_before_the_first_step(corpus, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage._replace(free=10_000))
    with pytest.raises(InputError, match=r"must have room for 3 checkpoints of .* has 10\.0 KB"):
        train(make_run(), tmp_path / "run", [corpus], QUIET)
    assert not (tmp_path / "run/metrics.jsonl").exists()


def test_the_estimated_size_of_a_checkpoint_is_that_of_its_files(corpus, tmp_path, monkeypatch):
    sizes = []
    monkeypatch.setattr("optimoe.trainer.train.require_room", lambda *args: sizes.append(args[1]))
    run = make_run(steps=2, architecture=OWN | {"vocab_size": 40_000})
    train(run, tmp_path / "run", [corpus], replace(QUIET, evaluations=0))
    written = sum(path.stat().st_size for path in (tmp_path / "run/checkpoints").rglob("*.distcp"))
    assert written == pytest.approx(sizes[0], rel=0.04)


def test_a_run_without_a_whole_checkpoint_says_so_and_begins_again(corpus, tmp_path):
    whole = train(make_run(), tmp_path / "whole", [corpus], QUIET)
    with pytest.raises(Stop):
        train(make_run(), tmp_path / "run", [corpus], QUIET, watch=stopped_after(9))
    for manifest in (tmp_path / "run").rglob("manifest.json"):
        manifest.write_text("{")
    said = []
    record = train(make_run(), tmp_path / "run", [corpus], QUIET, say=said.append)
    assert [line.split(": ")[-1] for line in said[:3]] == [
        "passed over, manifest.json cannot be read",
        "passed over, manifest.json cannot be read",
        "no checkpoint is whole",
    ]
    assert record.loss == whole.loss and len(load_metrics(tmp_path / "run")) == 12


def test_torn_lines_of_metrics_and_records_cost_nothing(corpus, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(Stop):
        train(make_run(), folder, [corpus], QUIET, watch=stopped_after(5))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "tok')
    (folder / "record.jsonl").write_text('{"run": {"na')
    assert [line["step"] for line in load_metrics(folder)] == [1, 2, 3, 4, 5]
    record = train(make_run(), folder, [corpus], QUIET)
    assert [line["step"] for line in load_metrics(folder)] == list(range(1, 13))
    log = load_run_records(folder / "record.jsonl")
    assert log.records == (record,) and len(log.torn) == 1


def test_what_goes_under_a_run_is_named_in_one_line(tmp_path):
    corpus = corpus_at(tmp_path)

    def cut(report):
        if report.step == 2:
            os.truncate(corpus.folder / "train.tokens", 100)

    with pytest.raises(InputError, match=r"train\.tokens: must be \d+ bytes as when it was opened, got 100$"):
        train(make_run(), tmp_path / "run", [corpus], QUIET, watch=cut)
    with pytest.raises(InputError, match=r"train\.tokens: must be \d+ tokens, got 50$"):
        Corpus(corpus.folder)


def test_a_checkpoint_that_goes_while_it_is_read_is_named_in_one_line(corpus, tmp_path, monkeypatch):
    with pytest.raises(Stop):
        train(make_run(), tmp_path / "run", [corpus], QUIET, watch=stopped_after(5))
    monkeypatch.setattr(checkpoints, "what_is_wrong", lambda path: "")
    shutil.rmtree(tmp_path / "run/checkpoints/step-00000004/tensors")
    with pytest.raises(InputError, match=r"step-00000004: must be of this run's model") as end:
        train(make_run(), tmp_path / "run", [corpus], QUIET)
    assert "\n" not in str(end.value)


def test_a_folder_that_cannot_be_written_is_named_in_one_line(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/run: cannot be written \(Not a directory\)$"):
        train(make_run(), tmp_path / "file/run", [corpus], QUIET)


def test_a_held_out_loss_that_is_no_number_ends_the_run_and_is_not_tried_again(corpus, tmp_path, monkeypatch):
    real, calls = train.__globals__["held_out_loss"], []

    def broken(*args):
        calls.append(args)
        return replace(real(*args), loss=math.nan if len(calls) > 1 else 5.0)

    monkeypatch.setitem(train.__globals__, "held_out_loss", broken)
    with pytest.raises(DivergedError, match=r"after step 5: held-out loss must be finite, got nan"):
        train(make_run(), tmp_path / "run", [corpus], QUIET)
    (record,) = load_run_records(tmp_path / "run/record.jsonl").records
    assert (record.status, record.tokens_seen, len(record.curve)) == ("diverged", 6 * 128, 1)
    said = []
    assert train(make_run(), tmp_path / "run", [corpus], QUIET, say=said.append) == record and len(calls) == 2
    assert said == [f"{tmp_path / 'run'}: is over, diverged"]


def test_a_record_says_what_was_trained_on_what_and_how_fast(corpus, tmp_path):
    said = []
    record = train(make_run(), tmp_path / "run", [corpus], QUIET, say=said.append)
    assert record.model["router"]["score"] == "sigmoid" and record.model["rotary"]["theta"] == 10_000
    assert record.model["init_std"] == 0.02 and record.how["threads"] == 1 and record.how["micro_batch"] == 4
    assert record.how["expert_kernels"] and set(record.how["expert_kernels"]) <= set(KERNELS)
    assert record.how["expert_products"] in ("oneDNN", "PyTorch")
    (text,) = record.corpora
    assert text.sha256 == corpus.facts.sha256 and text.tokenizer == "bytes" and text.held_out_share == 0.1
    assert {"optimoe", "torch", "numpy", "python"} <= record.versions.keys()
    flops_per_s = record.train_flops / record.seconds
    assert record.mfu == pytest.approx(flops_per_s / record.peak_flops_per_s) and 0 < record.mfu < 1
    assert len(said) == 1 and said[0].startswith("7 steps are left, about ")
    json.dumps(record.model, allow_nan=False)
