"""Elementwise kernels: norms, rotations, activations and the like, which launch and move bytes."""

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import KernelCurve
from optimoe.cost.kernels.calls import KernelTime
from optimoe.cost.kernels.curve import find_curve, memory_s


def small_s(
    gpu: Accelerator, launches: Values, num_bytes: Values, curve: KernelCurve | None = None, engine: str = ""
) -> KernelTime:
    """Seconds of some elementwise kernels that move so many bytes together, as a graph replays them.

    launches·launch + bytes/(bandwidth·share). One of them was measured, the scaling of a matrix to fp8; the others
    are taken to cost as much. Source: ``operators/elementwise.toml``.

    Args:
        gpu: The accelerator.
        launches: Number of kernels.
        num_bytes: What they read and write.
        curve: Coefficients, instead of the fitted ones.
        engine: Whose kernels; empty is any.
    """
    curve = curve or find_curve("elementwise", "bf16", gpu, engine)
    return KernelTime(
        launch_s=launches * curve.launch_s,
        side_s=memory_s(gpu, curve, num_bytes),
        compute_s=0.0,
        memory_s=0.0,
        sharpness=curve.sharpness,
    )
