from dataclasses import replace

from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import Gemm
from optimoe.cost.layers.machine import Machine
from optimoe.cost.training.products import layer_products
from tests.cost.training.runs import gpt


def test_gradients_of_a_product_run_at_their_own_shapes():
    products = layer_products(Machine(gpu=find_accelerator("h100-sxm")), gpt(), 4096)
    (of_inputs, of_weights) = (products.for_inputs(), products.for_weights())
    for (_, one), (_, by_input), (_, by_weight) in zip(
        products.layers, of_inputs.layers, of_weights.layers, strict=True
    ):
        assert by_input == replace(one, shape=one.shape.for_input())
        assert by_weight == replace(one, shape=one.shape.for_weight())
    assert of_inputs.logits.shape == Gemm(rows=4096, width=2048, depth=51_200)
    assert of_weights.logits.shape == Gemm(rows=2048, width=51_200, depth=4096)


def test_routed_experts_take_their_forward_time_for_each_gradient():
    products = layer_products(Machine(gpu=find_accelerator("h100-sxm")), gpt(experts=8), 4096)
    for passed in (products.for_inputs(), products.for_weights()):
        (experts,) = (kernel for _, kernel in products.layers if kernel.reads == "experts")
        assert experts in [kernel for _, kernel in passed.layers]
