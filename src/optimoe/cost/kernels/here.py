"""Curves of a machine from its own timings, in the form of the tables: what it reaches of its own peaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

from optimoe.core.arrays import Values
from optimoe.cost.hardware.accelerator import Accelerator
from optimoe.cost.hardware.curve import SHARPNESSES, KernelCurve, KernelFamily
from optimoe.cost.kernels.calls import DecodeAttention, Gemm, KernelTime, PrefillAttention, RoutedExperts
from optimoe.cost.kernels.families.attention import decode_attention_s, prefill_attention_s
from optimoe.cost.kernels.families.experts import experts_s
from optimoe.cost.kernels.families.gemm import gemm_s

Bounds = tuple[float, float, float]
"""Where a coefficient starts, and between what it lies."""

_SECONDS: Bounds = (3e-6, 1e-8, 1e-2)
_SHARE: Bounds = (0.5, 1e-3, 1.0)
_SIZE: Bounds = (8.0, 1e-2, 1e3)

FREE: Mapping[KernelFamily, Mapping[str, Bounds]] = MappingProxyType(
    {
        "gemm": {
            "launch_s": _SECONDS,
            "memory_share": _SHARE,
            "compute_share": _SHARE,
            "pad": (1.0, 1e-2, 64.0),
            "half_fill": _SIZE,
        },
        "experts": {
            "launch_s": _SECONDS,
            "latency_s": _SECONDS,
            "memory_share": _SHARE,
            "compute_share": _SHARE,
            "half_fill": _SIZE,
            "least_tile": (1.0, 1e-2, 64.0),
            "side_share": (1.0, 1e-2, 1e3),
        },
        "prefill_attention": {
            "launch_s": _SECONDS,
            "compute_share": (0.1, 1e-4, 1.0),
            "half_fill": _SIZE,
            "half_rows": _SIZE,
        },
        "decode_attention": {
            "launch_s": _SECONDS,
            "memory_share": _SHARE,
            "compute_share": (0.1, 1e-4, 1.0),
            "half_rows": _SIZE,
        },
        "training": {"launch_s": _SECONDS, "memory_share": _SHARE},
    }
)
"""What is fitted of each family; everything else keeps its default."""

OUTLIER = 0.2
"""Errors beyond this, as logarithms, count as their size, no more as its square: a call that was disturbed."""


@dataclass(frozen=True, kw_only=True)
class TimedCalls:
    """Calls of one family that were timed on a machine, a value for each call.

    Attributes:
        shape: What ran, as arrays.
        seconds: How long a call took.
        touched_bytes: What a call goes over again and again: all its operands.
    """

    shape: Gemm | RoutedExperts | PrefillAttention | DecodeAttention
    seconds: Float[np.ndarray, " calls"]
    touched_bytes: Float[np.ndarray, " calls"]

    @property
    def family(self) -> KernelFamily:
        """The family of what ran."""
        match self.shape:
            case Gemm():
                return "gemm"
            case RoutedExperts():
                return "experts"
            case PrefillAttention():
                return "prefill_attention"
            case DecodeAttention():
                return "decode_attention"

    def time(self, gpu: Accelerator, precision: str, curve: KernelCurve) -> KernelTime:
        """Seconds of the calls by a curve."""
        at_hand = gpu.reading(self.touched_bytes)
        match self.shape:
            case Gemm():
                return gemm_s(at_hand, precision, self.shape, curve)
            case RoutedExperts():
                return experts_s(at_hand, precision, self.shape, curve)
            case PrefillAttention():
                return prefill_attention_s(at_hand, self.shape, curve, precision=precision)
            case DecodeAttention():
                return decode_attention_s(at_hand, precision, self.shape, curve)


def measured_curve(gpu: Accelerator, precision: str, calls: TimedCalls) -> KernelCurve:
    """The curve of a machine's own calls: :func:`fit_curve` of their family."""
    return fit_curve(calls.family, lambda curve: calls.time(gpu, precision, curve).total_s, calls.seconds)


def fit_curve(
    family: KernelFamily, predict: Callable[[KernelCurve], Values], seconds: Float[np.ndarray, " calls"]
) -> KernelCurve:
    """The curve with the least Σ ρ(ln(predicted/measured)) over the sharpnesses, ρ the soft L1 beyond 0.2.

    Args:
        family: Whose coefficients are free.
        predict: Seconds of the calls by a curve.
        seconds: As they were measured.
    """
    start, low, high = (np.log(ends) for ends in zip(*FREE[family].values(), strict=True))

    def curve(logs: np.ndarray, sharpness: int) -> KernelCurve:
        return KernelCurve(
            **dict(zip(FREE[family], np.exp(np.minimum(logs, high)).tolist(), strict=True)), sharpness=sharpness
        )

    fits = [
        (
            least_squares(
                lambda logs, p=p: np.log(predict(curve(logs, p)) / seconds),
                start,
                bounds=(low, high),
                loss="soft_l1",
                f_scale=OUTLIER,
            ),
            p,
        )
        for p in (SHARPNESSES if "compute_share" in FREE[family] else SHARPNESSES[:1])
    ]
    best, sharpness = min(fits, key=lambda fit: float(fit[0].cost))
    return curve(best.x, sharpness)
