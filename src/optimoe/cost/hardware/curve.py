"""The coefficients of a kernel family, and the form that all families share."""

from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from optimoe.core.errors import require

KernelFamily: TypeAlias = Literal[
    "gemm", "experts", "prefill_attention", "decode_attention", "elementwise", "training"
]
"""``training`` is what lies between the products of a training step: of machines that were measured themselves."""

SHARPNESSES = (1, 2, 4)
"""Powers of two, which a smooth maximum takes by repeated squaring; the fit of a curve tries each of them."""


@dataclass(frozen=True, kw_only=True)
class KernelCurve:
    """What a family of kernels reaches of the data sheet. Shares and pads carry over to other GPUs.

    Attributes:
        launch_s: Least time of a call.
        memory_share: Of the peak bandwidth that long reads reach.
        compute_share: Of the tensor peak that large products reach.
        sharpness: p of the smooth maximum, a power of two: 1 is a sum (no overlap of arithmetic and reads).
        latency_s: Serial time of the longest chain: of 4,096 steps, growing with the root (``gemm``,
            ``decode_attention``); of one expert, growing with the root of their number (``experts``).
        half_fill: Added to a size, at which half the compute share is reached: depth of a product, tokens a
            query sees, width of an expert.
        chain_s: Serial time of an expert's two products in a row, at 4,096 steps of both together.
        least_tile, largest_tile: Rows of the smallest and of the largest tile by which each expert's rows are
            padded; between them a tile has about as many rows as an expert.
        half_rows: Added to the query rows of all heads and requests, likewise; of a cache, to those of each
            key-value head.
        pad: Rows and columns added to a product, tokens to a cache.
        side_share: Bytes that other kernels of the call move, per byte or value of their activations.

    Raises:
        ConfigError: A share is not in (0, 1], a time or size is negative, or p is not 1, 2 or 4.
    """

    launch_s: float
    memory_share: float = 1.0
    compute_share: float = 1.0
    sharpness: int = 1
    latency_s: float = 0.0
    half_fill: float = 0.0
    half_rows: float = 0.0
    pad: float = 0.0
    side_share: float = 0.0
    chain_s: float = 0.0
    least_tile: float = 0.0
    largest_tile: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            require(value >= 0, field.name, "zero or more", value)
        for share in (self.memory_share, self.compute_share):
            require(0 < share <= 1, "share", "above 0 and at most 1", share)
        require(self.sharpness in SHARPNESSES, "sharpness", f"one of {SHARPNESSES}", self.sharpness)
