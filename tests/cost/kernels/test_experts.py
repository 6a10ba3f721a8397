import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.core.errors import UnknownNameError
from tests.cost.kernels.shapes import A100, B200, H100, US, experts

GPUS = st.sampled_from([H100, A100, B200])
SIZES = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("call", "measured_s"),
    [
        (experts(H100, "bf16", 2, 2), 255 * US),
        (experts(H100, "bf16", 64 * 2, 8), 964 * US),
        (experts(H100, "bf16", 8192 * 2, 8), 11399 * US),
    ],
)
def test_routed_experts_take_about_as_long_as_was_measured(call, measured_s):
    """Single calls out of ai-dynamo/aiconfigurator@095f58a, vLLM 0.19."""
    assert call.total_s == pytest.approx(measured_s, rel=0.25)


@given(gpu=GPUS, pairs=SIZES, distinct=st.integers(1, 256), width=st.integers(64, 16_384), more=SIZES)
def test_experts_grow_with_what_they_do_and_stay_above_the_data_sheet(gpu, pairs, distinct, width, more):
    now = experts(gpu, "bf16", pairs, distinct, width).total_s
    weights = 3 * 4096 * width
    assert now > 2 * weights * distinct / gpu.memory_bytes_per_s
    assert now > 2 * weights * pairs / gpu.flops_per_s("bf16")
    assert experts(gpu, "bf16", pairs + more, distinct, width).total_s > now
    assert experts(gpu, "bf16", pairs, distinct + 1, width).total_s > now
    assert experts(gpu, "bf16", pairs, distinct, width, moved_pairs=pairs + more).total_s > now


def test_weights_that_a_gpu_cannot_multiply_are_read_as_such_and_multiplied_in_bf16():
    few, many = ((8, 8), (100_000, 8))
    assert experts(A100, "fp8", *few).memory_s < experts(A100, "bf16", *few).memory_s
    assert experts(A100, "fp8", *many).compute_s == experts(A100, "bf16", *many).compute_s
    with pytest.raises(UnknownNameError, match="fp7"):
        experts(A100, "fp7", 1, 1)
