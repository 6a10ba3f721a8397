import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.core.errors import UnknownNameError
from optimoe.cost.kernels.calls import Gemm
from tests.cost.kernels.shapes import A100, B200, H100, US, gemm

GPUS = st.sampled_from([H100, A100, B200])
SIZES = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("product", "measured_s"),
    [
        (gemm(H100, "bf16", 1, 8192, 8192), 47.8 * US),
        (gemm(H100, "bf16", 4096, 8192, 8192), 729.8 * US),
        (gemm(H100, "fp8", 16, 8192, 8192), 28.0 * US),
        (gemm(A100, "bf16", 1, 8192, 8192), 96.9 * US),
        (gemm(A100, "bf16", 4096, 8192, 8192), 1978 * US),
    ],
)
def test_a_product_takes_about_as_long_as_was_measured(product, measured_s):
    """Single calls out of ai-dynamo/aiconfigurator@095f58a, vLLM 0.19 (H100) and 0.14 (A100)."""
    assert product.total_s == pytest.approx(measured_s, rel=0.25)


@given(gpu=GPUS, rows=SIZES, width=SIZES, depth=SIZES, precision=st.sampled_from(["bf16", "int4"]))
def test_no_product_beats_the_data_sheet(gpu, rows, width, depth, precision):
    product = gemm(gpu, precision, rows, width, depth)
    assert product.total_s > 2 * rows * width * depth / gpu.flops_per_s(precision)
    assert product.total_s > bytes_per_value(precision) * width * depth / gpu.memory_bytes_per_s


@given(gpu=GPUS, rows=SIZES, width=SIZES, depth=SIZES, more=SIZES)
def test_a_larger_product_takes_longer(gpu, rows, width, depth, more):
    now = gemm(gpu, "bf16", rows, width, depth).total_s
    assert gemm(gpu, "bf16", rows + more, width, depth).total_s > now
    assert gemm(gpu, "bf16", rows, width + more, depth).total_s > now
    assert gemm(gpu, "bf16", rows, width, depth + more).total_s > now


@given(rows=SIZES, width=SIZES, depth=SIZES)
def test_the_gradients_of_a_product_are_products_of_as_many_flops(rows, width, depth):
    product = Gemm(rows=rows, width=width, depth=depth)
    assert product.for_input() == Gemm(rows=rows, width=depth, depth=width)
    assert product.for_weight() == Gemm(rows=depth, width=width, depth=rows)


def test_weights_that_a_gpu_cannot_multiply_are_read_as_such_and_multiplied_in_bf16():
    assert gemm(A100, "fp8", 1, 4096, 4096).memory_s < 0.6 * gemm(A100, "bf16", 1, 4096, 4096).memory_s
    large = gemm(A100, "fp8", 8192, 4096, 4096)
    assert large.compute_s == pytest.approx(gemm(A100, "bf16", 8192, 4096, 4096).compute_s, rel=0.1)
    with pytest.raises(UnknownNameError, match="fp7"):
        gemm(A100, "fp7", 1, 1, 1)
