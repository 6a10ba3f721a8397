"""A run whose model is compiled learns what it learns otherwise; compiling takes a minute or two."""

from dataclasses import replace

import pytest

from optimoe.trainer.train import train
from tests.trainer.world import QUIET, corpus_at, make_run


def test_a_compiled_run_learns_the_same(tmp_path):
    corpus = corpus_at(tmp_path)
    losses = [
        train(make_run(), tmp_path / str(it), [corpus], replace(QUIET, compile=it)).loss for it in (False, True)
    ]
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
