import pytest

from optimoe.trainer.results.export import export
from optimoe.trainer.results.trained import load_run
from optimoe.trainer.train import train
from tests.trainer.world import ARCHITECTURE, QUIET, corpus_at, make_run, save_run


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


@pytest.fixture(scope="session")
def slow(tmp_path_factory):
    """A folder with an untrained model as hf/ and as slow.gguf, whose tokens take half a millisecond and more.

    The tokens of a smaller one are all sent at once where another program holds the core.
    """
    folder = tmp_path_factory.mktemp("slow")
    wide = ARCHITECTURE | {"hidden_size": 128, "head_dim": 64, "intermediate_size": 128, "num_hidden_layers": 6}
    save_run(folder / "run", architecture=wide, seq_len=128, batch_tokens=512, tokens=4 * 512)
    trained = load_run(folder / "run")
    export(trained, "hf", folder / "hf")
    export(trained, "gguf", folder / "slow.gguf")
    return folder
