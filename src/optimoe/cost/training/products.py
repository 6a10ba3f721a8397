"""The matrix products of a micro-batch as shapes, and those of their gradients.

The backward pass of a product out[M, N] = in[M, K]·w[K, N] is two products of as many FLOPs: the input's gradient
[M, N]·[N, K] and the weight's gradient [K, M]·[M, N]. Each runs at the efficiency of its own shape.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.layers.machine import LayerKernel, Machine
from optimoe.cost.layers.parts.whole import layer_kernels


@dataclass(frozen=True, kw_only=True)
class Products:
    """The products and experts of one micro-batch through all layers, as shapes: made once for all its passes.

    Attributes:
        layers: Number of layers and one of their kernels, kernel by kernel; matrices at the ends as one layer's.
        logits: The product with the unembedding.
    """

    layers: tuple[tuple[Values, LayerKernel], ...]
    logits: LayerKernel

    def for_inputs(self) -> "Products":
        """Gradients of the inputs: each product at that gradient's own shape."""
        return self._each(Gemm.for_input)

    def for_weights(self) -> "Products":
        """Gradients of the weights: each product at that gradient's own shape."""
        return self._each(Gemm.for_weight)

    def _each(self, gradient: Callable[[Gemm], Gemm]) -> "Products":
        layers = tuple((times, _gradient(kernel, gradient)) for times, kernel in self.layers)
        return Products(layers=layers, logits=_gradient(self.logits, gradient))


def _gradient(kernel: LayerKernel, gradient: Callable[[Gemm], Gemm]) -> LayerKernel:
    """One of the two gradients of a kernel; routed experts take their forward time for each (derived)."""
    if isinstance(kernel.shape, Gemm):
        return replace(kernel, shape=gradient(kernel.shape))
    return kernel


def layer_products(machine: Machine, arch: ArchSpec, tokens: Values) -> Products:
    """Every product of one micro-batch of ``tokens`` on one GPU."""
    layers = []
    for group in arch.layers:
        kernels = layer_kernels(group, machine, arch.d_model, tokens)
        layers += [(group.num_layers * kernel.share, kernel) for kernel in kernels]
    head = "fp32" if arch.precisions.unembedding == "fp32" else PLAIN_FORMAT
    layers += [(1, machine.product(tokens, end.outputs, end.inputs, head)) for end in arch.projections]
    logits = machine.product(tokens, arch.logits / machine.tp, arch.embedding_width, head)
    return Products(layers=tuple(layers), logits=logits)
