from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.cost.published.catalog import find_cost_model
from optimoe.cost.published.erdil.code import LAYOUTS, ErdilPoint, fastest_step_s, step_s
from optimoe.cost.published.erdil.shapes import find_gpu, find_shape


def test_a_grid_of_erdil_s_model_is_its_points():
    gpus, batch = np.array([8.0, 16.0, 40.0]), np.array([1.0, 7.0, 200.0])
    point = ErdilPoint(
        shape=find_shape("mixtral-8x22b"), gpu=find_gpu("H100"), gpus=gpus, batch=batch, context=1000.0
    )
    grid = fastest_step_s(point)
    points = [fastest_step_s(replace(point, gpus=n, batch=b)) for n, b in zip(gpus, batch, strict=True)]
    assert grid == pytest.approx(points, rel=1e-15)
    assert all((grid <= step_s(point, layout)).all() for layout in LAYOUTS)


def test_what_does_not_fit_takes_for_ever():
    assert find_cost_model("erdil2025-code").evaluate(
        "latency_s", {"model": "gpt-3", "gpu": "H100", "N_gpu": 1.0, "batch": 1.0, "input_len": 0.0}
    ) == float("inf")


def test_an_unknown_layout_is_refused():
    inputs = {"model": "llama-3-8b", "gpu": "H100", "N_gpu": 8.0, "batch": 1.0, "input_len": 0.0, "layout": "3d"}
    with pytest.raises(UnknownNameError, match="2d"):
        find_cost_model("erdil2025-code").evaluate("latency_s", inputs)
