from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import ConfigError
from optimoe.cost.facts import OPERATORS, operator_table
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import smooth_max
from optimoe.cost.kernels.curve import find_curve, find_row
from tests.cost.kernels.shapes import H100

FAMILIES = {
    family: {kind: rows for kind, rows in operator_table(family).items() if isinstance(rows, dict)}
    for family in OPERATORS
    if family != "collective"
}
CURVES = [
    (family, kind, architecture, engine)
    for family, kinds in FAMILIES.items()
    for kind, rows in kinds.items()
    for architecture, row in rows.items()
    for engine in ("", *(name for name, own in row.items() if isinstance(own, dict)))
]
CARDS = ("ada", "ampere", "blackwell-rtx", "xe2")
"""Architectures with cards, or engines' kernels of years ago: shapes are less smooth, and errors larger."""


@given(left=st.floats(1e-9, 1e3), right=st.floats(1e-9, 1e3), sharpness=st.sampled_from([1, 2, 4]))
def test_a_smooth_maximum_lies_between_the_maximum_and_its_bound(left, right, sharpness):
    larger = max(left, right)
    value = smooth_max(left, right, sharpness)
    assert larger * (1 - 1e-12) <= value <= larger * 2 ** (1 / sharpness) * (1 + 1e-12)


@pytest.mark.parametrize(("family", "kind", "architecture", "engine"), CURVES)
def test_every_curve_is_whole_and_carries_its_error(family, kind, architecture, engine):
    assert isinstance(find_curve(family, kind, replace(H100, architecture=architecture), engine), KernelCurve)
    row = find_row(family, kind, architecture, engine)
    assert row["rows"] > 100
    if architecture != "other":
        # where engines have rows of their own, the shared one carries what tells them apart
        shared = any(isinstance(own, dict) for own in row.values())
        assert 0 < row["median_error"] < (0.45 if shared else 0.25 if architecture in CARDS else 0.2)
        assert row["median_error"] < row["p90_error"]


def test_an_accelerator_that_was_not_measured_takes_the_common_curve():
    other, unmeasured = (replace(H100, architecture=name) for name in ("other", "nobody"))
    assert find_curve("gemm", "bf16", unmeasured) == find_curve("gemm", "bf16", other)
    assert find_curve("gemm", "bf16", H100) != find_curve("gemm", "bf16", other)


def test_a_curve_is_of_the_engine_else_of_the_architecture_else_of_all(monkeypatch):
    rows = {
        "bf16": {
            "hopper": {"launch_s": 1.0, "clock_hz": 0.0, "trtllm": {"launch_s": 2.0, "clock_hz": 0.0}},
            "other": {"launch_s": 3.0, "clock_hz": 0.0, "sglang": {"launch_s": 4.0, "clock_hz": 0.0}},
        }
    }
    monkeypatch.setattr("optimoe.cost.kernels.curve.operator_table", lambda family: rows)
    found = {
        (architecture, engine): find_row.__wrapped__("gemm", "bf16", architecture, engine)["launch_s"]
        for architecture in ("hopper", "ada")
        for engine in ("", "sglang", "trtllm")
    }
    assert found == {
        ("hopper", ""): 1.0, ("hopper", "sglang"): 1.0, ("hopper", "trtllm"): 2.0,
        ("ada", ""): 3.0, ("ada", "sglang"): 4.0, ("ada", "trtllm"): 3.0,
    }  # fmt: skip


def test_launches_and_latencies_are_cycles_and_shares_are_not():
    fast = replace(H100, clock_hz=2 * H100.clock_hz)
    now, then = find_curve("gemm", "bf16", H100), find_curve("gemm", "bf16", fast)
    assert then.launch_s == pytest.approx(now.launch_s / 2)
    assert then.latency_s == pytest.approx(now.latency_s / 2)
    assert (then.memory_share, then.compute_share) == (now.memory_share, now.compute_share)
    unknown = replace(H100, clock_hz=0.0)
    assert find_curve("gemm", "bf16", unknown) == now


@pytest.mark.parametrize("wrong", [{"memory_share": 1.2}, {"compute_share": 0.0}, {"sharpness": 3}, {"pad": -1.0}])
def test_a_curve_that_could_beat_the_data_sheet_is_refused(wrong):
    with pytest.raises(ConfigError):
        KernelCurve(launch_s=1e-6, **wrong)
