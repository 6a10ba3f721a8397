"""Training on a machine that was measured itself: its own steps, in fp32 too."""

from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import Accelerator, Cluster, find_accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.training.estimate import TrainRun, estimate_training
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import TrainSetup

BARE = Accelerator(
    name="here",
    architecture="cpu",
    memory_bytes=1e12,
    memory_bytes_per_s=2e10,
    peak_flops_per_s={"bf16": 4e11, "fp32": 1e11},
    source="planted",
)
OWN = replace(BARE, curves={"training": {"fp32": KernelCurve(launch_s=1e-4, memory_share=0.5)}})


def trained(gpu, precision="fp32"):
    run = TrainRun(
        cluster=Cluster(accelerator=gpu, num_gpus=1),
        batch_tokens=1024,
        seq_len=256,
        setup=TrainSetup(precision=precision),
    )
    return estimate_training(find_model("mixtral-8x7b"), run, TrainLayout(micro_batch=4))


def test_fp32_takes_longer_than_bf16_where_its_peak_is_lower_and_a_gpu_without_one_refuses_it():
    assert trained(BARE).step.products_s > 2 * trained(BARE, "bf16").step.products_s
    with pytest.raises(ConfigError, match="precision: must be a peak of h100-sxm"):
        trained(find_accelerator("h100-sxm"))


def test_a_measured_machine_has_nothing_unexplained_and_the_band_of_its_own_steps():
    own, bare = trained(OWN), trained(BARE)
    assert own.step.unexplained_s == 0 < bare.step.unexplained_s
    assert own.step.elementwise_s > bare.step.elementwise_s
    hours = own.gpu_hours(1e6)
    assert hours.low / hours.value == pytest.approx(0.67) and hours.high / hours.value == pytest.approx(1.5)
