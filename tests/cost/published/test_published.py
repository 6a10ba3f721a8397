"""Every check-value of the published cost models, and the properties of their formulas."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.params import count_params
from optimoe.core.errors import ConfigError, InfeasibleError, InputError, UnknownNameError
from optimoe.cost.published import epoch_rules
from optimoe.cost.published.catalog import find_cost_model, published_cost_checks, reproduce
from optimoe.cost.published.erdil_code import LAYOUTS, ErdilPoint, fastest_step_s, step_s
from optimoe.cost.published.erdil_shapes import find_gpu, find_shape
from optimoe.cost.published.yun import LatencyTable, cost_per_token, kv_limited_batch


@pytest.mark.parametrize(
    "row", published_cost_checks(), ids=lambda row: f"{row['law']}-{row['output']}-{row['inputs']}"
)
def test_published_value(row):
    inputs = {name: value if isinstance(value, str) else float(value) for name, value in row["inputs"].items()}
    ours = find_cost_model(row["law"]).evaluate(row["output"], inputs)
    assert abs(ours - row["value"]) <= row["tolerance_rel"] * abs(row["value"])


def test_every_claim_has_a_verdict_and_those_that_differ_a_reason():
    rows = reproduce("epoch2024")
    assert {row.verdict for row in rows} == {"reproduced", "explained", "not_reproduced"}
    assert all(row.reason for row in rows if row.verdict != "reproduced")
    with pytest.raises(UnknownNameError):
        reproduce("nobody2030")


@given(P=st.floats(1e9, 1e13), A=st.integers(1, 16), s=st.floats(1, 64))
def test_the_formula_is_the_mean_of_its_components(P, A, s):
    E = s * A
    parts = (P, epoch_rules.depth_params(P, E, A), epoch_rules.network_params(P, E, A))
    assert epoch_rules.component_mean(*parts) == pytest.approx(epoch_rules.fast_decode_params(P, E, A))
    assert (epoch_rules.network_volume_ratio(E, A) < 1) == (A < E**0.5)


def test_a_dense_model_is_like_itself_and_a_routed_one_lies_between():
    dense = epoch_rules.dense_equivalent(find_model("llama-3.1-8b"))
    assert {dense.prefill, dense.slow_decode, dense.fast_decode, dense.long_context} == {8_030_261_248.0}
    mixtral, params = (
        epoch_rules.dense_equivalent(find_model("mixtral-8x7b")),
        count_params(find_model("mixtral-8x7b")),
    )
    assert mixtral.prefill == params.active
    assert mixtral.slow_decode == params.total
    assert params.active < mixtral.fast_decode < params.total


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


@pytest.mark.parametrize(
    ("name", "output", "inputs", "words"),
    [
        ("epoch2024", "P_eq", {"P": "abc", "E": 16.0, "A": 2.0}, "P: must be a number"),
        ("erdil2025-code", "params_total", {"model": 5.0}, "model: must be a name"),
        ("erdil2025-code", "params_total", {"model": "llama-3-7b"}, "nearest"),
        ("yun2024-cost", "total_ratio", {"E": -1.0}, "E: must be positive"),
    ],
)
def test_an_input_of_the_wrong_kind_is_named(name, output, inputs, words):
    with pytest.raises(InputError, match=words):
        find_cost_model(name).evaluate(output, inputs)


def test_the_printed_model_too_needs_memory():
    inputs = {"model": "gpt-3", "N_gpu": 4.0, "batch": 1.0, "input_len": 0.0}
    assert find_cost_model("erdil2025-paper").evaluate("latency_s", inputs) == float("inf")


def test_an_unknown_layout_is_refused():
    inputs = {"model": "llama-3-8b", "gpu": "H100", "N_gpu": 8.0, "batch": 1.0, "input_len": 0.0, "layout": "3d"}
    with pytest.raises(UnknownNameError, match="2d"):
        find_cost_model("erdil2025-code").evaluate("latency_s", inputs)


def test_yun_s_cost_is_the_least_over_gpus():
    """Hand-worked: latencies that do not depend on the batch; the table with more GPUs holds more requests."""

    def table(gpus, seconds):
        flat = np.full((2, 2), seconds / 2)
        axis = np.array([1e9, 1e11])
        return LatencyTable(gpus=gpus, params=axis, batches=np.array([0.0, 1e4]), prefill_s=flat, decode_s=flat)

    options = {"params": 8e9, "resident": 13e9, "memory_per_gpu": 20e9, "mu": 0.05, "prompt": 161, "answer": 338}
    few = kv_limited_batch(20e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    many = kv_limited_batch(80e9, 13e9, 0.05 * 8e9 ** (2 / 3), 161, 338)
    cost = cost_per_token([table(1, 0.1), table(4, 0.1)], usd_per_gpu_s=1e-3, **options)
    assert cost == pytest.approx(min(1e-4 / few, 4e-4 / many))
    with pytest.raises(InfeasibleError, match="no number of GPUs"):
        cost_per_token([table(1, 0.1)], usd_per_gpu_s=1e-3, **options | {"resident": 30e9})
    with pytest.raises(ConfigError, match="as measured"):
        cost_per_token([table(4, 0.1)], usd_per_gpu_s=1e-3, **options | {"params": 1e12, "resident": 1e9})
    with pytest.raises(InfeasibleError, match="do not fit"):
        kv_limited_batch(1e9, 2e9, 1.0, 1, 1)
    with pytest.raises(ConfigError, match="batches"):
        LatencyTable(
            gpus=1,
            params=np.array([1.0]),
            batches=np.array([2.0, 1.0]),
            prefill_s=np.ones((1, 2)),
            decode_s=np.ones((1, 2)),
        )
