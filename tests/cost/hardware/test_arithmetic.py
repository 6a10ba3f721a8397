import pytest

from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.core.errors import UnknownNameError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.hardware.arithmetic import USUAL_ACTIVATIONS, HasPeaks, arithmetic, fast_formats, operands

H100, A100, B200, B300 = (find_accelerator(name) for name in ("h100-sxm", "a100-sxm", "b200-sxm", "b300-sxm"))


@pytest.mark.parametrize(
    ("gpu", "weights", "activations", "peak"),
    [
        (H100, "bf16", "auto", "bf16"),
        (H100, "fp8", "auto", "fp8"),
        (H100, "fp8", "bf16", "bf16"),
        (H100, "int4", "auto", "bf16"),
        (H100, "int4", "fp8", "fp8"),
        (H100, "mxfp4", "auto", "bf16"),
        (H100, "mxfp4", "fp8", "fp8"),
        (H100, "nvfp4", "auto", "bf16"),
        (A100, "fp8", "auto", "bf16"),
        (A100, "int8", "auto", "int8"),
        (B200, "nvfp4", "auto", "fp4"),
        (B200, "nvfp4", "bf16", "bf16"),
        (B200, "fp8", "nvfp4", "fp8"),
        (B300, "int8", "auto", "bf16"),
    ],
)
def test_the_wider_operand_decides_and_what_a_gpu_lacks_is_unpacked_to_bf16(gpu, weights, activations, peak):
    assert arithmetic(gpu, weights, activations) == peak
    assert gpu.flops_per_s(weights, activations) == gpu.peak_flops_per_s[peak]
    assert operands(gpu, weights, activations) == ("nvfp4" if peak == "fp4" else peak)


def test_every_format_has_arithmetic_on_every_accelerator():
    assert set(USUAL_ACTIVATIONS) == set(BITS_PER_VALUE)
    for gpu in (H100, A100, B200, find_accelerator("v100-sxm"), find_accelerator("tpu-v5p")):
        assert isinstance(gpu, HasPeaks)
        assert all(arithmetic(gpu, weights) in gpu.peak_flops_per_s for weights in BITS_PER_VALUE)


@pytest.mark.parametrize(("weights", "activations"), [("fp7", "auto"), ("fp8", "fp7")])
def test_a_format_that_nobody_knows_is_refused(weights, activations):
    with pytest.raises(UnknownNameError, match="fp7"):
        arithmetic(H100, weights, activations)


@pytest.mark.parametrize(
    ("gpu", "formats"),
    [
        ("a100-sxm", ()),
        ("h200-sxm", ("fp8",)),
        ("b200-sxm", ("fp8", "nvfp4")),
        ("mi355x", ("fp8",)),
        ("v100-sxm", ()),
    ],
)
def test_formats_below_bf16_are_those_that_a_gpu_multiplies_in(gpu, formats):
    assert fast_formats(find_accelerator(gpu)) == formats
