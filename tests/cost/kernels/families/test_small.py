import pytest

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.families.small import small_s

H100 = find_accelerator("h100-sxm")


@pytest.mark.parametrize(
    ("gpu", "engine", "num_bytes", "measured_s"),
    [
        ("h100-sxm", "vllm", 3 * 4096, 2.1e-6),
        ("h100-sxm", "trtllm", 3 * 4096, 1.4e-6),
        ("h100-sxm", "vllm", 3 * 8192 * 4096, 35.8e-6),
        ("b200-sxm", "trtllm", 3 * 4096, 2.1e-6),
        ("rtx-pro-6000", "vllm", 3 * 4096, 1.8e-6),
    ],
)
def test_an_elementwise_kernel_takes_about_as_long_as_was_measured(gpu, engine, num_bytes, measured_s):
    """Scaling of a matrix to fp8 under CUDA graphs, operator tables of aiconfigurator-core."""
    one = small_s(find_accelerator(gpu), 1, num_bytes, engine=engine)
    assert one.total_s == pytest.approx(measured_s, rel=0.25)


def test_small_kernels_launch_each_and_never_beat_the_memory():
    assert small_s(H100, 6, 0).total_s == pytest.approx(6 * small_s(H100, 1, 0).total_s)
    assert small_s(H100, 1, 1e9).total_s > 1e9 / H100.memory_bytes_per_s
