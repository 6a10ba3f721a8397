import pytest

from optimoe.core.config import load_facts
from optimoe.cost.training.setup import training_sources, usual_goodput, usual_setup


def test_every_constant_has_a_source():
    assert all(one.source and one.basis for one in training_sources())
    assert load_facts("optimoe.cost", "training.toml")["time_scale"]["basis"] == "fitted"


def test_goodput_falls_with_the_number_of_gpus_from_that_of_llama_3():
    assert usual_goodput(16_384) == pytest.approx(0.9)
    assert 1 > usual_goodput(8) > usual_goodput(2048) > 0.98 > usual_goodput(32_768)
    assert 1 / usual_goodput(4096) - 1 == pytest.approx(2 * (1 / usual_goodput(2048) - 1))


def test_the_usual_trainer_overlaps_what_the_fitted_rows_do():
    setup = usual_setup("fp8")
    assert (setup.precision, setup.tp_overlap, setup.pp_overlap, setup.ep_overlap) == ("fp8", 0.8, 0.8, 0.0)
