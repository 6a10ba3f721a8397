from dataclasses import replace

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.serving.accuracy.operators import MeasuredStanding, gpu_standing, kernels_standing, same_gpu

H100 = find_accelerator("h100-sxm")


def test_kernels_of_a_measured_gpu_stand_before_those_of_its_architecture():
    assert kernels_standing("gemm", "bf16", H100) is MeasuredStanding.OPERATORS
    assert kernels_standing("gemm", "bf16", find_accelerator("h20")) is MeasuredStanding.ARCHITECTURE
    assert kernels_standing("gemm", "bf16", find_accelerator("tpu-v5p")) is MeasuredStanding.NEVER


def test_a_gpu_stands_as_its_best_known_kernels():
    assert gpu_standing(H100) is MeasuredStanding.OPERATORS
    assert gpu_standing(replace(H100, name="other")) is MeasuredStanding.ARCHITECTURE
    assert gpu_standing(replace(H100, name="other", architecture="")) is MeasuredStanding.NEVER


def test_a_gpu_is_known_by_name_and_data_sheet():
    assert same_gpu(H100, "h100-sxm")
    assert same_gpu(find_accelerator("h100-sxm@40GB"), "h100-sxm")
    assert not same_gpu(replace(H100, clock_hz=1e9), "h100-sxm")
    assert not same_gpu(H100, "h200-sxm")
