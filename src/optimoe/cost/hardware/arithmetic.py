"""Which tensor peak multiplies weights of one format with activations of another."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from optimoe.arch.precision.formats import BITS_PER_VALUE
from optimoe.core.errors import UnknownNameError

AUTO = "auto"
"""Activations as kernels for these weights take them unless something else is stated: ``USUAL_ACTIVATIONS``."""

USUAL_ACTIVATIONS = {
    "fp32": "bf16",
    "bf16": "bf16",
    "fp8": "fp8",
    "int8": "int8",
    "int4": "bf16",
    "mxfp4": "bf16",
    "nvfp4": "nvfp4",
}
"""What enters a product by the format of its weights: int4 (GPTQ, AWQ) and mxfp4 checkpoints quantise weights
alone, fp8, int8 and nvfp4 ones both operands (their ``quantization_config``)."""

PEAK_OF = {"fp32": "fp32", "bf16": "bf16", "fp8": "fp8", "int8": "int8", "mxfp4": "fp4", "nvfp4": "fp4"}
"""The peak of a product whose wider operand has this format; int4 has none, it is unpacked to the other's."""


@runtime_checkable
class HasPeaks(Protocol):
    """An accelerator as far as arithmetic goes."""

    @property
    def peak_flops_per_s(self) -> Mapping[str, float]:
        """Dense tensor peak by precision of the operands; one for bf16 at least."""

    @property
    def architecture(self) -> str:
        """The maker's name of the generation; empty where it is not known."""


def arithmetic(gpu: HasPeaks, weights: str, activations: str = AUTO) -> str:
    """The peak that multiplies weights with activations: a key of the accelerator's ``peak_flops_per_s``.

    Tensor cores multiply operands of one kind, so the wider operand decides: 4-bit weights with bf16 activations
    are unpacked and multiplied in bf16, with fp8 ones in fp8. Where a GPU lacks the peak, or has it below that of
    bf16 (int8 on B300), engines unpack the weights to bf16 (vLLM's Marlin kernels of fp8 on Ampere).

    Raises:
        UnknownNameError: No such format.
    """
    for name in (weights, *(() if activations == AUTO else (activations,))):
        if name not in BITS_PER_VALUE:
            raise UnknownNameError("precision", name, BITS_PER_VALUE)
    activations = USUAL_ACTIVATIONS[weights] if activations == AUTO else activations
    wider = weights if BITS_PER_VALUE[weights] > BITS_PER_VALUE[activations] else activations
    peaks, kind = gpu.peak_flops_per_s, PEAK_OF.get(wider, "bf16")
    if kind == "fp32":  # slower than bf16 and no reason to leave it: a CPU whose file states it runs in it
        return kind if kind in peaks else "bf16"
    return kind if peaks.get(kind, 0.0) >= peaks["bf16"] else "bf16"


def fast_formats(gpu: HasPeaks) -> tuple[str, ...]:
    """Formats of weights below bf16 in which a GPU multiplies both operands: those that it has a peak for.

    nvfp4 on Blackwell alone: it is NVIDIA's format, and the fp4 of other makers is not served in it.
    """
    offered = ("fp8", "nvfp4") if gpu.architecture.startswith("blackwell") else ("fp8",)
    return tuple(name for name in offered if arithmetic(gpu, name) == PEAK_OF[name])


def operands(gpu: HasPeaks, weights: str, activations: str = AUTO) -> str:
    """The format in which activations enter a product: that of the arithmetic, blocks of 16 where it is fp4.

    Raises:
        UnknownNameError: No such format.
    """
    return operand_format(arithmetic(gpu, weights, activations))


def operand_format(peak: str) -> str:
    """The format in which both operands enter a product at a tensor peak: blocks of 16 where it is fp4."""
    return "nvfp4" if peak == "fp4" else peak
