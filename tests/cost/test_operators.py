from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.memory import bytes_per_value
from optimoe.arch.mixers.attended import attended
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError, InputError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels import spread
from optimoe.cost.kernels.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.curve import KernelCurve, find_curve, smooth_max
from optimoe.cost.kernels.experts import experts_s
from optimoe.cost.kernels.gemm import gemm_s

H100, A100, B200 = (find_accelerator(name) for name in ("h100-sxm", "a100-sxm", "b200-sxm"))
GPUS = st.sampled_from([H100, A100, B200])
SIZES = st.integers(1, 20_000)
FAMILIES = {
    name: kinds
    for name, kinds in load_facts("optimoe.cost", "operators.toml").items()
    if isinstance(kinds, dict) and name != "collective"
}
CURVES = [
    (family, kind, architecture)
    for family, kinds in FAMILIES.items()
    for kind, rows in kinds.items()
    for architecture in rows
]
US = 1e-6


@pytest.mark.parametrize(
    ("kernel", "measured_s"),
    [
        (gemm_s(H100, "bf16", 1, 8192, 8192), 47.8 * US),
        (gemm_s(H100, "bf16", 4096, 8192, 8192), 729.8 * US),
        (gemm_s(H100, "fp8", 16, 8192, 8192), 28.0 * US),
        (gemm_s(A100, "bf16", 1, 8192, 8192), 96.9 * US),
        (gemm_s(A100, "bf16", 4096, 8192, 8192), 1978 * US),
        (experts_s(H100, "bf16", 2, 2, 4096, 14336), 255 * US),
        (experts_s(H100, "bf16", 64 * 2, 8, 4096, 14336), 964 * US),
        (experts_s(H100, "bf16", 8192 * 2, 8, 4096, 14336), 11399 * US),
        (prefill_attention_s(H100, 1, 32, 8, 128, 8192, 8193 / 2), 788 * US),
        (decode_attention_s(H100, "bf16", 16, 2048, 4 * 4096 * 8192, 8192), 186 * US),
    ],
)
def test_a_kernel_takes_about_as_long_as_was_measured(kernel, measured_s):
    """Single calls out of ai-dynamo/aiconfigurator@095f58a, vLLM 0.19 (H100) and 0.14 (A100)."""
    assert kernel.total_s == pytest.approx(measured_s, rel=0.25)


@given(gpu=GPUS, rows=SIZES, width=SIZES, depth=SIZES, precision=st.sampled_from(["bf16", "int4"]))
def test_no_product_beats_the_data_sheet(gpu, rows, width, depth, precision):
    product = gemm_s(gpu, precision, rows, width, depth)
    assert product.total_s > 2 * rows * width * depth / gpu.flops_per_s(precision)
    assert product.total_s > bytes_per_value(precision) * width * depth / gpu.memory_bytes_per_s


@given(gpu=GPUS, rows=SIZES, width=SIZES, depth=SIZES, more=SIZES)
def test_a_larger_product_takes_longer(gpu, rows, width, depth, more):
    now = gemm_s(gpu, "bf16", rows, width, depth).total_s
    assert gemm_s(gpu, "bf16", rows + more, width, depth).total_s > now
    assert gemm_s(gpu, "bf16", rows, width + more, depth).total_s > now
    assert gemm_s(gpu, "bf16", rows, width, depth + more).total_s > now


@given(gpu=GPUS, batch=st.integers(1, 2000), context=st.integers(1, 100_000), more=SIZES)
def test_attention_grows_with_batch_and_length_and_stays_above_the_data_sheet(gpu, batch, context, more):
    def decode(batch, seen):
        return decode_attention_s(gpu, "bf16", batch, 2 * 8 * 128, 4 * 32 * 128 * seen, seen).total_s

    def prefill(length, window=2**62):
        seen = attended(length, window, "prefill")
        return prefill_attention_s(gpu, batch, 32, 8, 128, length, seen).total_s

    assert decode(batch, context) > 2 * 2 * batch * 8 * 128 * context / gpu.memory_bytes_per_s
    assert decode(batch + more, context) > decode(batch, context)
    assert decode(batch, context + more) > decode(batch, context)
    assert prefill(context) > 2 * batch * 32 * 128 * context**2 / gpu.flops_per_s("bf16")
    assert prefill(context + more) > prefill(context)
    assert prefill(context, 512) <= prefill(context)


@given(gpu=GPUS, pairs=SIZES, experts=st.integers(1, 256), width=st.integers(64, 16_384), more=SIZES)
def test_experts_grow_with_what_they_do_and_stay_above_the_data_sheet(gpu, pairs, experts, width, more):
    now = experts_s(gpu, "bf16", pairs, experts, 4096, width).total_s
    weights = 3 * 4096 * width
    assert now > 2 * weights * experts / gpu.memory_bytes_per_s
    assert now > 2 * weights * pairs / gpu.flops_per_s("bf16")
    assert experts_s(gpu, "bf16", pairs + more, experts, 4096, width).total_s > now
    assert experts_s(gpu, "bf16", pairs, experts + 1, 4096, width).total_s > now
    assert experts_s(gpu, "bf16", pairs, experts, 4096, width, moved_pairs=pairs + more).total_s > now


@given(left=st.floats(1e-9, 1e3), right=st.floats(1e-9, 1e3), sharpness=st.sampled_from([1, 2, 4]))
def test_a_smooth_maximum_lies_between_the_maximum_and_its_bound(left, right, sharpness):
    larger = max(left, right)
    value = smooth_max(left, right, sharpness)
    assert larger * (1 - 1e-12) <= value <= larger * 2 ** (1 / sharpness) * (1 + 1e-12)


@given(
    tokens=st.integers(1, 20_000),
    experts=st.sampled_from([8, 128, 256]),
    top_k=st.sampled_from([1, 2, 8]),
    ep=st.sampled_from([1, 2, 8]),
)
def test_skewed_routing_touches_no_more_experts_and_loads_the_busiest_rank_more(tokens, experts, top_k, ep):
    even = spread.balanced(tokens, experts, top_k, ep)
    skewed = spread.power_law(tokens, experts, top_k, 1.2, ep)
    assert skewed.pairs >= even.pairs * (1 - 1e-9)
    assert 1 <= skewed.distinct <= experts / ep
    assert even.distinct <= max(experts / ep, 1)
    if ep == 1:
        assert skewed.pairs == pytest.approx(tokens * top_k)
        assert skewed.distinct <= even.distinct * (1 + 1e-9)


def test_routing_takes_grids():
    tokens = np.array([1.0, 100.0, 10_000.0])
    grid = spread.power_law(tokens, 128, 8, 1.2)
    alone = [spread.power_law(one, 128, 8, 1.2).distinct for one in tokens]
    assert grid.distinct == pytest.approx(alone)


@pytest.mark.parametrize(("family", "kind", "architecture"), CURVES)
def test_every_curve_is_whole_and_carries_its_error(family, kind, architecture):
    assert isinstance(find_curve(family, kind, replace(H100, architecture=architecture)), KernelCurve)
    row = FAMILIES[family][kind][architecture]
    assert row["rows"] > 100
    if architecture != "other":
        assert 0 < row["median_error"] < 0.16
        assert row["median_error"] < row["p90_error"]


def test_an_accelerator_that_was_not_measured_takes_the_common_curve():
    other, blackwell = (replace(H100, architecture=name) for name in ("other", "blackwell"))
    assert find_curve("gemm", "bf16", blackwell) == find_curve("gemm", "bf16", other)
    assert find_curve("gemm", "bf16", H100) != find_curve("gemm", "bf16", other)


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


def test_a_precision_that_the_gpu_lacks_is_refused():
    with pytest.raises(InputError, match="fp8"):
        gemm_s(A100, "fp8", 1, 1, 1)
    with pytest.raises(InputError, match="fp8"):
        experts_s(A100, "fp8", 1, 1, 1, 1)
