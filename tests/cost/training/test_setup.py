from optimoe.core.config import load_facts
from optimoe.cost.training.setup import training_sources


def test_every_constant_has_a_source():
    assert all(one.source and one.basis for one in training_sources())
    assert load_facts("optimoe.cost", "training.toml")["time_scale"]["basis"] == "fitted"
