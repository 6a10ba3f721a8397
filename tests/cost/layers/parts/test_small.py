from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.small import elementwise_bytes, layer_launches, small_kernels
from optimoe.cost.layers.sizes import layer_sizes


def machine(engine="vllm", tp=1):
    gpu = find_accelerator("h100-sxm")
    return Machine(gpu=gpu, layout=Layout(tp=tp), execution=Execution(kernels=f"fitted:{engine}"))


@pytest.mark.parametrize(
    ("model", "launches"),
    [
        ("llama-3.1-8b", 5),  # norm, rotation, cache write; norm, activation
        ("qwen3-32b", 6),  # and a norm of queries and keys
        ("mixtral-8x7b", 5),  # top-k for the activation
        ("deepseek-v3", 2 + 5 + 2),  # two norms, latents, top-k, the sum with the shared expert
    ],
)
def test_a_layer_launches_what_its_engine_does_between_the_products(model, launches):
    group = find_model(model).layers[-1]
    assert layer_launches(machine(), group) == launches


def test_fused_calls_launch_less():
    group = find_model("llama-3.1-8b").layers[0]
    assert layer_launches(machine("trtllm"), group) == 3
    assert layer_launches(machine("trtllm", tp=2), group) == 1
    assert layer_launches(machine("vllm", tp=2), group) == 5


def test_one_token_pays_launches_and_many_pay_bytes():
    arch = find_model("llama-3.1-8b")
    one, many = (small_kernels(machine(), arch, tokens) for tokens in (1, 8192))
    assert one.launch_s == many.launch_s
    assert one.side_s < 0.1 * one.launch_s
    assert many.side_s > many.launch_s
    moved = sum(sizes.num_layers * elementwise_bytes(machine(), sizes) for sizes in layer_sizes(arch))
    assert many.side_s >= 8192 * moved / machine().gpu.memory_bytes_per_s


def test_more_layers_launch_more():
    arch = find_model("llama-3.1-8b")
    (group,) = arch.layers
    twice = replace(arch, layers=(replace(group, num_layers=2 * group.num_layers),))
    assert small_kernels(machine(), twice, 1).launch_s == 2 * small_kernels(machine(), arch, 1).launch_s
