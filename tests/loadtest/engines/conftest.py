import pytest

from optimoe.trainer.results.export import export
from optimoe.trainer.results.trained import load_run
from optimoe.trainer.train import train
from tests.trainer.world import QUIET, corpus_at, make_run


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A folder with a run of forty steps on sequences of 128 tokens, and its model as hf/ and as tiny.gguf."""
    folder = tmp_path_factory.mktemp("tiny")
    run = make_run(tokens=40 * 512, batch_tokens=512, seq_len=128)
    train(run, folder / "run", [corpus_at(folder)], QUIET)
    trained = load_run(folder / "run")
    export(trained, "hf", folder / "hf")
    export(trained, "gguf", folder / "tiny.gguf")
    return folder
