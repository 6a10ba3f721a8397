from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings

from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.cost.training.estimate import CONVENTIONS, estimate_training, model_flops_per_token, predict
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import TrainSetup
from optimoe.cost.training.step import TrainStep
from optimoe.cost.training.tried.candidates import candidate_train_layouts
from tests.cost.training.runs import ARCHS, LAYOUTS, MIXTRAL, gpt, run


@settings(max_examples=settings().max_examples // 2)
@given(ARCHS, LAYOUTS)
def test_no_run_beats_the_peak(arch, layout):
    estimate = estimate_training(arch, run(gpus=int(layout.num_gpus)), layout)
    assert 0 < estimate.mfu("counted") <= 1
    assert all(np.all(getattr(estimate.step, field.name) >= 0) for field in fields(TrainStep))


def test_a_grid_equals_its_scalars():
    widths, depths = np.array([1024, 2048, 4096]), np.array([16, 24, 32])
    grid = gpt(widths, depths, widths // 128, experts=16)
    layouts = candidate_train_layouts(64, 8, 512, routed=True, most_experts=8, micro_batches=(1, 2))
    step, held = predict(grid.over(1), run(), layouts)
    for row in range(3):
        for column in range(0, len(layouts.tp), 97):
            one = predict(grid.at(row), run(), layouts.at(column))
            assert np.broadcast_to(step.total_s, (3, len(layouts.tp)))[row, column] == pytest.approx(
                one[0].total_s
            )
            assert np.broadcast_to(held.total, (3, len(layouts.tp)))[row, column] == pytest.approx(one[1].total)


def test_bad_requests_are_one_line():
    with pytest.raises(ConfigError, match=r"batch_tokens: must be half of seq_len = 4096 or more, got 2000"):
        replace(run(), batch_tokens=2000)
    with pytest.raises(ConfigError, match="goodput: must be above 0"):
        replace(run(), goodput=1.2)
    with pytest.raises(ConfigError, match="interleave: must be 1 without pipeline stages"):
        TrainLayout(interleave=2)
    with pytest.raises(ConfigError, match=r"zero: must be one of \(0, 1, 2, 3\), got 4"):
        TrainLayout(zero=4)
    with pytest.raises(UnknownNameError, match="recompute"):
        TrainLayout(recompute="some")
    with pytest.raises(ConfigError, match="dp_overlap"):
        TrainSetup(dp_overlap=1.5)


def test_days_and_dollars_follow_from_the_speed():
    one = estimate_training(MIXTRAL, run(), TrainLayout(ep=8, pp=4, dp=16, interleave=4))
    assert one.days(1e12) == pytest.approx(1e12 / one.tokens_per_s / 86_400)
    assert one.usd(1e12) == pytest.approx(one.days(1e12) * 24 * 64 * 2.0)
    assert one.energy_kwh(1e12) == pytest.approx(one.gpu_hours(1e12).value * 0.7 * 1.58)
    low, high = one.mfu_range()
    assert low < one.mfu() < high
    assert one.mfu("6nd") < one.mfu("whole_square")
    assert one.bound_by == "experts"


def test_conventions_count_what_they_say():
    arch = gpt()
    sixnd, counted, square = (model_flops_per_token(arch, 2048, name) for name in CONVENTIONS)
    assert sixnd == 6 * count_params(arch).total
    per_layer = 72 * 24 * 2048 * 2048**2 * (1 + 2048 / (6 * 2048) + 51_200 / (12 * 24 * 2048))
    assert square * 2048 == pytest.approx(per_layer)  # Korthikanti 2022, Eq. 7, for one sequence
    assert counted < square
