import numpy as np
import pytest

from optimoe.core.errors import InfeasibleError
from optimoe.core.grid import take
from optimoe.cost.training.estimate import estimate_training, predict
from optimoe.cost.training.layout import TrainLayout, staged, step_sequences, trains
from optimoe.cost.training.search import best_training, training_mfu, usual_train_layouts
from optimoe.cost.training.tried.candidates import candidate_train_layouts, layouts_for
from optimoe.cost.training.tried.lines import lines_for, step_lines
from tests.cost.training.runs import MIXTRAL, gpt, run


def test_the_best_of_each_design_is_that_of_the_design_alone():
    widths, depths = np.array([1024, 2048, 8192]), np.array([16, 24, 64])
    grid, question = gpt(widths, depths, widths // 128, experts=8), run()
    layouts = layouts_for([grid], question)
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


@pytest.mark.parametrize("gpus", [12, 24, 37, 100, 1536, 2000, 2048, 3072])
def test_any_number_of_gpus_trains(gpus):
    best = best_training(MIXTRAL, run(gpus=gpus, sequences=1024))
    assert best.memory.fits
    assert best.idle_gpus + best.layout.num_gpus == gpus
    assert best.idle_gpus < 0.05 * gpus
    assert best.batch_tokens == pytest.approx(1024 * 4096, rel=0.1)
    grid = gpt(np.array([2048, 4096]), np.array([24, 35]), np.array([16, 32]), experts=16)
    assert training_mfu(grid, run(gpus=gpus, sequences=1024)).fits.all()


def test_more_gpus_never_train_slower_at_the_same_batch():
    speeds = [
        best_training(MIXTRAL, run(gpus=gpus, sequences=1024)).tokens_per_s for gpus in (24, 37, 48, 100, 128)
    ]
    assert speeds == sorted(speeds)


@pytest.mark.parametrize(("arch", "gpus"), [(MIXTRAL, 24), (gpt(8192, 61, 64), 256)])
def test_a_model_that_was_timed_is_timed_at_any_batch(arch, gpus):
    known = lines_for(arch, run(gpus=gpus, sequences=1024))
    for sequences in (513, 700, 1001, 1024):
        asked = run(gpus=gpus, sequences=sequences)
        found, anew = (
            best_training(arch, asked, known=known),
            best_training(arch, asked, layouts_for([arch], asked)),
        )
        assert (found.layout, found.mfu()) == (anew.layout, anew.mfu())
        assert found.memory.fits
        grid, layouts = gpt(np.array([2048, 4096]), np.array([24, 36]), np.array([16, 32])), known[0]
        near = training_mfu(grid, asked, layouts, lines=step_lines(grid.over(1), asked, layouts))
        direct = training_mfu(grid, asked, layouts)
        assert (near.choice == direct.choice).all() and near.mfu == pytest.approx(direct.mfu, rel=1e-12)


def test_idle_gpus_are_paid_and_count_in_the_utilisation():
    best = best_training(MIXTRAL, run(gpus=37, sequences=1024))
    assert best.idle_gpus > 0
    assert best.gpu_hours(1e12).value == pytest.approx(37 * 24 * best.days(1e12))
    busy = best_training(MIXTRAL, run(gpus=int(best.layout.num_gpus), sequences=1024))
    assert best.mfu() == pytest.approx(busy.mfu() * best.layout.num_gpus / 37)


@pytest.mark.parametrize(("arch", "gpus"), [(MIXTRAL, 24), (MIXTRAL, 256), (gpt(), 12), (gpt(8192, 61, 64), 256)])
def test_layouts_that_are_not_timed_are_not_faster(arch, gpus):
    question = run(gpus=gpus, sequences=512)
    layouts = candidate_train_layouts(gpus, 8, 512, routed=arch.moe is not None, most_experts=8)
    step, memory = predict(arch, question, layouts)
    each = step.total_s / step_sequences(layouts, 512)
    fits = memory.fits & trains(arch, 512, layouts)
    best = best_training(arch, question)
    assert float(best.step.total_s) / (best.batch_tokens / 4096) == pytest.approx(np.min(each[fits]))


def test_what_is_short_is_said():
    with pytest.raises(InfeasibleError, match=r"no layout of mixtral-8x7b fits on 4 GPUs; .* short of"):
        best_training(MIXTRAL, run(gpus=4, sequences=64))
    with pytest.raises(InfeasibleError, match="none divides"):
        best_training(gpt(num_layers=1), run(gpus=37, sequences=3))


def grid_of(widths, experts=64):
    widths = np.array(widths)
    return gpt(widths, widths // 64, widths // 128, experts=experts)


@pytest.mark.parametrize("gpus", [64, 1024])
def test_designs_between_those_that_were_looked_at_train_nearly_as_fast_as_in_the_best_of_all_layouts(gpus):
    question = run(gpus=gpus, sequences=1024)
    ends, between = grid_of([1024, 2048, 4096]), grid_of([1536, 3072, 3584])
    few = usual_train_layouts([ends], question)
    assert np.size(few.tp) < np.size(layouts_for([ends], question).tp) / 8
    found = training_mfu(between, question, few)
    best = [best_training(between.at(row), question).mfu() for row in range(3)]
    assert np.all(found.mfu <= np.array(best) * (1 + 1e-12))
    assert np.all(found.mfu >= 0.8 * np.array(best))


def test_each_design_that_was_looked_at_has_its_best_layout():
    question, grid = run(), grid_of([1024, 2048, 4096])
    few = usual_train_layouts([take(grid, slice(0, 2)), take(grid, slice(2, 3))], question)
    for row in range(3):
        assert training_mfu(grid, question, few).mfu[row] == best_training(grid.at(row), question).mfu()


def test_where_no_design_trains_every_layout_stays():
    question = run(gpus=8)
    grid = gpt(np.array([16384]), np.array([128]), np.array([128]), experts=16)
    assert np.size(usual_train_layouts([grid], question).tp) == np.size(layouts_for([grid], question).tp)
