import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.cost.training.estimate import estimate_training
from optimoe.cost.training.layout import TrainLayout, staged
from optimoe.cost.training.search import best_training, training_mfu, usual_train_layouts
from tests.cost.training.runs import MIXTRAL, gpt, run


def test_the_best_of_each_design_is_that_of_the_design_alone():
    widths, depths = np.array([1024, 2048, 8192]), np.array([16, 24, 64])
    grid, question = gpt(widths, depths, widths // 128, experts=8), run()
    layouts = usual_train_layouts(64, 8, 512, routed=True)
    found = training_mfu(grid, question, layouts)
    for row in range(3):
        alone = best_training(grid.at(row), question, layouts)
        assert found.step_s[row] == pytest.approx(alone.step.total_s)
        assert found.mfu[row] == pytest.approx(alone.mfu())
        assert staged(grid.at(row), layouts.at(int(found.choice[row]))) == alone.layout


def test_a_design_that_does_not_fit_is_marked():
    grid = gpt(np.array([1024, 16384]), np.array([16, 128]), np.array([8, 128]), experts=16)
    found = training_mfu(grid, run(gpus=8))
    assert list(found.fits) == [True, False]
    assert np.isnan(found.mfu[1])
    assert found.choice[1] == -1


def test_the_best_layout_is_never_worse_than_any_that_fits():
    best = best_training(MIXTRAL, run())
    assert best.memory.fits
    for layout in (TrainLayout(ep=8, pp=4, dp=16, interleave=4), TrainLayout(tp=8, ep=8, dp=8)):
        other = estimate_training(MIXTRAL, run(), layout)
        assert best.step.total_s <= other.step.total_s or not other.memory.fits


def test_what_is_short_is_said():
    with pytest.raises(InfeasibleError, match=r"no layout of mixtral-8x7b fits on 4 GPUs; .* short of"):
        best_training(MIXTRAL, run(gpus=4, sequences=64))
    with pytest.raises(InfeasibleError, match="none divides"):
        best_training(gpt(num_layers=1), run(gpus=37, sequences=3))
