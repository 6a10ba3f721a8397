from dataclasses import replace

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.parts import PEER, DenseFFN, MoE
from optimoe.core.errors import ConfigError
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import Gemm, Roofline, RoutedExperts
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.layers.parts.feedforward import feed_forward

H100 = find_accelerator("h100-sxm")
TOKENS = 64
FFNS = [
    pytest.param(ffn, arch.d_model, id=f"{arch.name}-{type(ffn).__name__}")
    for arch in map(find_model, ("mixtral-8x7b", "deepseek-v3", "llama-3.1-8b"))
    for ffn in dict.fromkeys(group.ffn for group in arch.layers)
]


def kernels(ffn, d_model, tokens=TOKENS, **degrees):
    return list(feed_forward(ffn, Machine(gpu=H100, layout=Layout(**degrees)), d_model, tokens))


def flops(kernel):
    shape = kernel.shape
    if isinstance(shape, Gemm):
        return 2 * shape.rows * shape.width * shape.depth
    return 2 * shape.pairs * shape.matrices * shape.d_model * shape.width


@pytest.mark.parametrize(("ffn", "d_model"), FFNS)
def test_a_feed_forward_runs_the_flops_that_arch_counts(ffn, d_model):
    counted = TOKENS * sum(ffn.flops(d_model).values())
    assert sum(flops(kernel) for kernel in kernels(ffn, d_model)) == pytest.approx(counted)


def test_routed_experts_read_the_distinct_ones_and_the_router_stays_in_bf16():
    ffn = find_model("mixtral-8x7b").layers[0].ffn
    router, experts = kernels(ffn, 4096, tokens=1, tp=2, ep=2)
    assert (router.precision, router.reads, experts.reads) == ("bf16", "weights", "experts")
    assert isinstance(experts.shape, RoutedExperts)
    assert experts.shape.distinct <= ffn.num_experts / 2
    assert experts.shape.moved_pairs == ffn.top_k


def test_experts_that_are_not_resident_are_read_from_the_host_over_a_known_link():
    ffn = MoE(num_experts=8, top_k=2, d_expert=1024)
    half = kernels(ffn, 1024, tokens=1000, resident=0.5)
    (read,) = (kernel for kernel in half if kernel.reads == "host")
    assert read.shape.num_bytes == pytest.approx(2 * 4 * 3 * 1024 * 1024)
    assert Machine(gpu=H100).time(read).total_s == read.shape.num_bytes / H100.host_bytes_per_s
    with pytest.raises(ConfigError, match="host_bytes_per_s"):
        Machine(gpu=replace(H100, host_bytes_per_s=0.0)).time(read)


def test_product_key_experts_are_a_gather_that_nobody_measured():
    ffn = PEER(num_keys=128, num_heads=8, top_k=16, d_key=256)
    *products, gather = kernels(ffn, 1024)
    assert (
        sum(product.shape.width * product.shape.depth for product in products) == ffn.matrix_params(1024)["router"]
    )
    assert isinstance(gather.shape, Roofline)
    assert gather.shape.flops == 2 * TOKENS * 2 * 1024 * 8 * 16


def test_tensor_parallel_gpus_share_the_width_of_a_dense_feed_forward():
    whole, half = (kernels(DenseFFN(d_ff=4096), 1024, tp=tp) for tp in (1, 2))
    assert [flops(kernel) for kernel in half] == [flops(kernel) / 2 for kernel in whole]


def test_shared_experts_run_beside_the_routed_ones_and_nothing_else_does():
    deepseek = find_model("deepseek-v3")
    group = deepseek.layers[-1]
    beside = [one.shape.depth for one in kernels(group.ffn, deepseek.d_model, tp=8) if one.beside]
    assert beside == [deepseek.d_model, group.ffn.num_shared_experts * group.ffn.d_shared / 8]
