"""Products and experts of an engine that loops over them itself on the host's cores, as llama.cpp does.

Nothing of such an engine is measured before it is calibrated: it is taken to multiply as fast as the machine's own
operators do, and to launch no slower than the smallest of them (assumed).
"""

from dataclasses import replace

import numpy as np

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.calls import Gemm, KernelTime, RoutedExperts
from optimoe.cost.kernels.families.gemm import gemm_s


def looped_gemm_s(gpu: Accelerator, precision: str, product: Gemm) -> KernelTime:
    """Seconds of a product: that of the machine's curve, its launch at most that of the smallest operator."""
    time = gemm_s(gpu, precision, product)
    return replace(time, launch_s=np.minimum(time.launch_s, gpu.launch_s)) if gpu.launch_s else time


def looped_experts_s(gpu: Accelerator, precision: str, experts: RoutedExperts) -> KernelTime:
    """Seconds of routed experts as products one after the other: distinct · m of pairs/distinct rows each.

    A matrix of all experts is one launch (``ggml_mul_mat_id``).
    """
    rows = experts.pairs / np.maximum(experts.distinct, 1e-9)
    into = Gemm(rows=rows, width=experts.width, depth=experts.d_model, activations=experts.activations)
    back = replace(into, width=experts.d_model, depth=experts.width)
    first, last = (looped_gemm_s(gpu, precision, product) for product in (into, back))

    def all_of(one: Values, other: Values) -> Values:
        return (experts.matrices - 1) * one + other

    return replace(
        last,
        launch_s=all_of(first.launch_s, last.launch_s),
        side_s=experts.distinct * all_of(first.side_s, last.side_s),
        compute_s=experts.distinct * all_of(first.compute_s, last.compute_s),
        memory_s=experts.distinct * all_of(first.memory_s, last.memory_s),
    )
