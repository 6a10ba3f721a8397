"""Kernel times from the fitted curves: every shape, every GPU."""

from dataclasses import dataclass
from typing import assert_never

from optimoe.core.errors import UnknownNameError
from optimoe.cost.hardware.accelerator import Accelerator
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
from optimoe.cost.kernels.curve import roofline_s
from optimoe.cost.kernels.families.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.families.collectives import all_reduce_s, host_read_s
from optimoe.cost.kernels.families.experts import experts_s
from optimoe.cost.kernels.families.gemm import gemm_s
from optimoe.cost.kernels.families.looped import looped_experts_s, looped_gemm_s

FITTED_NAME = "fitted"
ENGINES = ("vllm", "sglang", "trtllm")
"""Engines whose kernels were measured."""

LOOPED = ("llamacpp",)
"""Engines whose kernels are loops of their own on the host, experts one after the other (ggml_mul_mat_id)."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The curves of ``data/operators/``: every shape, every GPU.

    Attributes:
        engine: Whose kernels, where the curves tell them apart; empty is any.

    Raises:
        UnknownNameError: No kernels of such an engine were measured.
    """

    engine: str = ""

    def __post_init__(self) -> None:
        if self.engine and self.engine not in (*ENGINES, *LOOPED):
            raise UnknownNameError("kernels: no curves of engine", self.engine, ENGINES)

    @property
    def name(self) -> str:
        """The name by which a user chooses the source."""
        return f"{FITTED_NAME}:{self.engine}" if self.engine else FITTED_NAME

    def time(self, gpu: Accelerator, precision: str, kernel: Kernel) -> KernelTime:
        """Seconds by the formula of the kernel's family.

        Raises:
            UnknownNameError: No such precision.
        """
        engine = self.engine
        match kernel:
            case PrefillAttention():
                return prefill_attention_s(gpu, kernel, engine=engine, precision=precision)
            case DecodeAttention() | LatentDecodeAttention():
                return decode_attention_s(gpu, precision, kernel, engine=engine)
            case Gemm() if self.engine in LOOPED:
                return looped_gemm_s(gpu, precision, kernel)
            case Gemm():
                return gemm_s(gpu, precision, kernel, engine=engine)
            case RoutedExperts() if self.engine in LOOPED:
                return looped_experts_s(gpu, precision, kernel)
            case RoutedExperts():
                return experts_s(gpu, precision, kernel, engine=engine)
            case AllReduce():
                return all_reduce_s(gpu, kernel, engine=engine)
            case Roofline():
                return roofline_s(gpu, kernel, engine=engine)
            case HostRead():
                return host_read_s(gpu, kernel)
            case _:
                assert_never(kernel)


FITTED = Fitted()
