"""A run that is killed many times ends as one that never was; ``OPTIMOE_KILLS`` says how many times."""

import os

import torch

from optimoe.core.run import load_run_records
from tests.trainer.kills import train_through_kills, trainers
from tests.trainer.world import OWN, corpus_at, make_run, state_of

KILLS = int(os.environ.get("OPTIMOE_KILLS", "25"))


def test_a_run_survives_many_kills(tmp_path):
    corpus, run = corpus_at(tmp_path / "corpus"), make_run(steps=5 * KILLS, architecture=OWN)
    with trainers(corpus) as process:
        assert process.train(run, tmp_path / "whole") == 0
        found, record = train_through_kills(process, run, tmp_path / "killed", KILLS, seed=KILLS)
    (whole,) = load_run_records(tmp_path / "whole/record.jsonl").records
    print(f"{KILLS} kills; checkpoints that they left: {found}")
    assert len(set(found)) > KILLS / 3 and record.loss == whole.loss and record.router == whole.router
    pairs = zip(state_of(tmp_path / "killed", run), state_of(tmp_path / "whole", run), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
