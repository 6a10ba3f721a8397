"""Kernel times from the fitted curves: every shape, every GPU."""

from typing import assert_never

from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.kernels.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.calls import (
    AllReduce,
    DecodeAttention,
    Gemm,
    HostRead,
    Kernel,
    KernelTime,
    LatentDecodeAttention,
    PrefillAttention,
    Roofline,
    RoutedExperts,
)
from optimoe.cost.kernels.collectives import all_reduce_s, host_read_s
from optimoe.cost.kernels.curve import roofline_s
from optimoe.cost.kernels.experts import experts_s
from optimoe.cost.kernels.gemm import gemm_s


class Fitted:
    """The curves of ``data/operators/``: every shape, every GPU."""

    name = "fitted"

    def time(self, gpu: Accelerator, precision: str, kernel: Kernel) -> KernelTime:
        """Seconds by the formula of the kernel's family.

        Raises:
            InputError: The accelerator lacks the precision.
        """
        match kernel:
            case Gemm():
                return gemm_s(gpu, precision, kernel)
            case PrefillAttention():
                return prefill_attention_s(gpu, kernel)
            case DecodeAttention() | LatentDecodeAttention():
                return decode_attention_s(gpu, precision, kernel)
            case RoutedExperts():
                return experts_s(gpu, precision, kernel)
            case AllReduce():
                return all_reduce_s(gpu, kernel)
            case Roofline():
                return roofline_s(gpu, precision, kernel)
            case HostRead():
                return host_read_s(gpu, kernel)
            case _:
                assert_never(kernel)


FITTED = Fitted()
