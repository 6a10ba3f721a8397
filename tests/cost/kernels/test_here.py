"""Curves of a machine from its own timings: what was planted is found again, and taken before the tables."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.cost.hardware.accelerator import Accelerator, find_accelerator
from optimoe.cost.hardware.arithmetic import arithmetic
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import Gemm, RoutedExperts
from optimoe.cost.kernels.curve import find_curve
from optimoe.cost.kernels.families.gemm import gemm_s
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.here import TimedCalls, measured_curve

CPU = Accelerator(
    name="here",
    architecture="cpu",
    memory_bytes=16e9,
    memory_bytes_per_s=2e10,
    cache_bytes=3.2e7,
    cache_bytes_per_s=1e11,
    launch_s=2e-6,
    peak_flops_per_s={"bf16": 4e11, "fp32": 1e11},
    source="planted",
)
CURVE = KernelCurve(launch_s=1e-5, memory_share=0.6, compute_share=0.7, sharpness=2)
OWN = replace(CPU, curves={"gemm": {"fp32": CURVE}})
SHAPES = np.array([(m, n, k) for m in (1, 4, 16, 256) for n, k in ((64, 64), (256, 1024), (4096, 4096))], float)


def products(precision="fp32"):
    rows, width, depth = SHAPES.T
    shape, touched = Gemm(rows=rows, width=width, depth=depth), 4 * (width * depth + rows * (width + depth))
    seconds = gemm_s(CPU.reading(touched), precision, shape, CURVE).total_s
    return TimedCalls(shape=shape, seconds=seconds, touched_bytes=touched)


def test_a_planted_curve_is_found_again():
    calls = products()
    found = measured_curve(CPU, "fp32", calls)
    np.testing.assert_allclose(calls.time(CPU, "fp32", found).total_s, calls.seconds, rtol=0.03)
    assert found.launch_s == pytest.approx(CURVE.launch_s, rel=0.03)
    assert found.compute_share == pytest.approx(CURVE.compute_share, rel=0.05)


def test_a_machines_own_curve_comes_before_the_tables_and_serves_kinds_that_were_not_measured():
    assert find_curve("gemm", "fp32", OWN) is CURVE is find_curve("gemm", "bf16", OWN)
    assert find_curve("gemm", "bf16", CPU).launch_s == 0
    assert find_curve("experts", "bf16", OWN) == find_curve("experts", "bf16", CPU)


def test_fp32_is_multiplied_in_fp32_where_a_file_states_its_peak_and_in_bf16_on_a_gpu():
    assert arithmetic(CPU, "fp32") == "fp32" and arithmetic(CPU, "bf16") == "bf16"
    assert arithmetic(find_accelerator("h100-sxm"), "fp32") == "bf16"


def test_what_stays_in_the_cache_is_read_at_its_rate_and_what_is_larger_nearly_at_that_of_memory():
    assert CPU.reading(1e6).memory_bytes_per_s == pytest.approx(1e11)
    assert 2e10 < CPU.reading(1e9).memory_bytes_per_s < 2.1e10
    gpu = find_accelerator("h100-sxm")
    assert gpu.reading(1.0) is gpu
    sizes = CPU.reading(np.array([1e6, 1e8, 1e12])).memory_bytes_per_s
    assert np.all(np.diff(sizes) < 0)


def test_llamacpp_runs_experts_as_products_one_after_the_other():
    experts = RoutedExperts(
        pairs=8.0, distinct=4.0, d_model=256, width=128, num_experts=8, top_k=2, moved_pairs=8.0
    )
    found = find_kernels("fitted:llamacpp").time(OWN, "fp32", experts)
    into, back = (gemm_s(OWN, "fp32", Gemm(rows=2.0, width=n, depth=k)) for n, k in ((128, 256), (256, 128)))
    assert found.compute_s == pytest.approx(4 * (2 * into.compute_s + back.compute_s))
    assert found.launch_s == pytest.approx(3 * OWN.launch_s)  # the curve's own is longer


@pytest.mark.parametrize(
    "curves", [{"gems": {"fp32": CURVE}}, {"gemm": {}}], ids=["no such family", "no precision"]
)
def test_curves_of_no_family_or_of_no_precision_are_refused(curves):
    with pytest.raises((ConfigError, InputError), match="curves"):
        replace(CPU, curves=curves)
