"""A run from text to its record: it learns, goes on bit by bit, and never loses what it has done."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch

from optimoe.core.errors import ConfigError, InputError
from optimoe.core.run import Optimizer, load_run_records
from optimoe.trainer.steps.step import DivergedError
from optimoe.trainer.train import train
from optimoe.trainer.trunks import shared_steps
from tests.trainer.world import ARCHITECTURE, OWN, QUIET, Stop, corpus_at, make_run, state_of, stopped_after


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return corpus_at(tmp_path_factory.mktemp("corpus"))


def test_a_run_learns_and_its_record_says_what_it_took(corpus, tmp_path):
    seen = []
    record = train(make_run(steps=40), tmp_path / "run", [corpus], QUIET, watch=seen.append)
    assert record.status == "finished" and record.tokens_seen == 40 * 128
    assert record.loss < record.curve[0].loss - 0.5
    assert record.curve[-1].loss == record.loss and [point.tokens for point in record.curve] == [0, 2560, 5120]
    bytes_per_token = corpus.facts.num_bytes["held_out"] / corpus.facts.num_tokens["held_out"]
    assert 0.9 < bytes_per_token < 1
    assert record.bits_per_byte == pytest.approx(record.loss / 0.6931471806 / bytes_per_token, rel=0.01)
    assert record.run.router["kind"] == "top_k" and record.run.losses["scope"] == "sequence"
    assert record.router["held_out_load_imbalance"] >= 1 and record.run_id == make_run(steps=40).run_id
    assert record.train_flops > 0 and record.mfu > 0
    assert [report.step for report in seen] == list(range(1, 41))
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 41)) and lines[0]["rate"] == pytest.approx(3e-3 / 4)
    assert load_run_records(tmp_path / "run/record.jsonl").records == (record,)
    said = []
    assert train(make_run(steps=40), tmp_path / "run", [corpus], QUIET, say=said.append) == record
    assert said == [f"{tmp_path / 'run'}: is over, finished"]


RUNS = {
    "default": {},
    "noisy, with a capacity": {"router": {"kind": "top_k", "noise": True, "capacity_factor": 1.25}},
    "hash, by muon": {"router": {"kind": "hash"}, "optimizer": Optimizer(name="muon")},
    "policy gradient": {"router": {"kind": "policy_gradient"}},
    "product keys, routers of single layers": {"architecture": OWN},
}


@pytest.mark.parametrize("fields", RUNS.values(), ids=RUNS)
def test_an_interrupted_run_ends_with_the_bits_of_an_uninterrupted_one(corpus, tmp_path, fields):
    run = make_run(**fields)
    whole = train(run, tmp_path / "whole", [corpus], QUIET)
    for steps in (2, 7, 11):  # before the first checkpoint, and between others
        with pytest.raises(Stop):
            train(run, tmp_path / "cut", [corpus], QUIET, watch=stopped_after(steps))
    cut = train(run, tmp_path / "cut", [corpus], QUIET)
    assert cut.loss == whole.loss and [p.loss for p in cut.curve] == [p.loss for p in whole.curve]
    pairs = list(zip(state_of(tmp_path / "cut", run), state_of(tmp_path / "whole", run), strict=True))
    assert len(pairs) > 40 and all(torch.equal(one, other) for one, other in pairs)


def test_steps_cut_into_micro_batches_learn_the_same(corpus, tmp_path):
    losses = [
        train(make_run(), tmp_path / str(rows), [corpus], replace(QUIET, micro_batch=rows)).loss for rows in (1, 4)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_a_broken_checkpoint_is_said_and_passed_over(corpus, tmp_path):
    whole = train(make_run(), tmp_path / "whole", [corpus], QUIET)
    with pytest.raises(Stop):
        train(make_run(), tmp_path / "run", [corpus], QUIET, watch=stopped_after(9))
    newest = max((tmp_path / "run/checkpoints").iterdir())
    victim = max(newest.rglob("*.distcp"), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    said = []
    record = train(make_run(), tmp_path / "run", [corpus], QUIET, say=said.append)
    assert f"{newest}: passed over" in said[0] and "another checksum" in said[0]
    assert said[1] == "goes on from step 4" and record.loss == whole.loss


def test_a_loss_that_is_no_number_ends_the_run_and_says_where(corpus, tmp_path):
    run = make_run(init_std=1e30)
    with pytest.raises(DivergedError, match=r"step 0 \(sequences 0 to 3\): .* must be finite, got"):
        train(run, tmp_path / "run", [corpus], replace(QUIET, evaluations=0))
    (record,) = load_run_records(tmp_path / "run/record.jsonl").records
    assert (record.status, record.loss, record.tokens_seen) == ("diverged", None, 0)


def test_sigterm_saves_and_a_second_process_is_refused(corpus, tmp_path):
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from optimoe.trainer.corpus.store import Corpus
        from optimoe.trainer.train import train
        from tests.trainer.world import QUIET, make_run
        tell = lambda report: print(report.step, flush=True)
        train(make_run(steps=100_000), Path({str(tmp_path / "run")!r}), [Corpus(Path({str(corpus.folder)!r}))],
              QUIET, watch=tell)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1\n"
        with pytest.raises(InputError, match=f"is being trained by process {process.pid}"):
            train(make_run(steps=100_000), tmp_path / "run", [corpus], QUIET)
        os.kill(process.pid, signal.SIGTERM)
        steps = [1, *map(int, process.stdout.read().split())]
    assert process.returncode == 128 + signal.SIGTERM
    assert max(path.name for path in (tmp_path / "run/checkpoints").iterdir()) == f"step-{steps[-1]:08d}"
    (record,) = load_run_records(tmp_path / "run/record.jsonl").records
    assert (record.status, record.tokens_seen) == ("stopped", 128 * steps[-1])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"architecture": ARCHITECTURE | {"vocab_size": 100}}, "vocab_size: must be the tokenizer's 257 or more"),
        ({"precision": "fp8"}, "precision: must be one of fp32, bf16, fp16 .of fp8 PyTorch has products"),
        ({"router": {"kind": "expert_choice"}}, "sees later tokens at evaluation"),
        ({"seq_len": 32_768, "batch_tokens": 32_768}, "tokens of a source: must be more than seq_len"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_its_first_step(corpus, tmp_path, fields, words):
    with pytest.raises(ConfigError, match=words):
        train(make_run(**fields), tmp_path / "run", [corpus], QUIET, watch=stopped_after(1))


def test_a_shorter_run_begins_with_the_steps_that_it_shares_and_ends_with_its_own_bits(corpus, tmp_path):
    short, long = make_run(steps=10), make_run(steps=20)
    assert shared_steps(short, long) == shared_steps(long, short) == 8 and shared_steps(short, short) == 10
    assert shared_steps(short, make_run(steps=20, seed=1)) == 0
    assert shared_steps(short, replace(long, schedule=replace(long.schedule, warmup_tokens=0))) == 0
    train(long, tmp_path / "long", [corpus], replace(QUIET, keep_steps=(8,), keep=1))
    assert [path.name[-2:] for path in sorted((tmp_path / "long/checkpoints").iterdir())] == ["08", "20"]
    said = []
    branch = train(short, tmp_path / "branch", [corpus], QUIET, say=said.append, trunks=[tmp_path / "long"])
    whole = train(short, tmp_path / "whole", [corpus], QUIET)
    assert said == [f"begins with {tmp_path / 'long/checkpoints/step-00000008'}"]
    assert branch.loss == whole.loss and branch.tokens_seen == whole.tokens_seen
    pairs = zip(state_of(tmp_path / "branch", short), state_of(tmp_path / "whole", short), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_folder_of_another_run_is_refused(corpus, tmp_path):
    train(make_run(steps=2), tmp_path, [corpus], QUIET)
    with pytest.raises(
        ConfigError, match=f"must be empty, or of the run {make_run(steps=2, seed=1).run_id}, got small"
    ):
        train(make_run(steps=2, seed=1), tmp_path, [corpus], QUIET)
